// Package browsertest opens pages in a real browser without a window, for tests with the build tag
// peers. A test fails where no browser is installed.
package browsertest
