// Package report turns the result of a sweep into one HTML page that a person reads.
//
//	lab.Result  ->  page (what is said)  ->  figures (SVG)  ->  page.html
//
// The page needs nothing but itself: no network, no fonts, no libraries. All figures are drawn here
// and carry a title, a description and a table of their numbers. Each is drawn twice, for a wide
// and for a narrow window, so that letters have the same size in both. The page reads the same
// without its script, which only adds tooltips, sorting and copying. Names come from users and
// files: text goes through html/template, and figures through drawing, which escapes.
package report
