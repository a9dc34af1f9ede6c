// Package cells is the device's side of kv.Cells: which position each cell of a cache's rows holds.
// Package kv gives out the cells; kernels read what they hold when they run.
//
// In a cache of several sequences each sequence sees the pages of a list. All lists of a batch come
// to the device in one copy (lists.go, pages.go), so that one launch attends for all sequences.
package cells
