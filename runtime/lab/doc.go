// Package lab measures how far caches of many kinds move a model's predictions from those of a
// reference cache, and says which differences are more than chance.
//
//	cells, settings -> Run -> Result    the Journal, if any, gets every scored position
//	journal file     ->  Read ->  Result        the same, later
//
// A cell is one way of storing the cache. A setting is where cells are compared: a text, the length
// of its chunks, and the path, prefill (batches) or decode (token by token). Each setting gives a
// Table. In a table every cell is compared with the reference on the same scored positions, so that
// cells are compared with each other in pairs, chunk by chunk.
//
// Positions of a chunk are not independent, chunks nearly are: intervals come from a bootstrap over
// chunks (Estimate), and a cell beats another only where the interval of their differences lies on
// one side of zero.
//
// Diagnose tells a coarse type from faulty code, and names layer and side.
//
// Beside the sweep there are what the numbers mean in words, completions (Agree) and needles
// (Haystack), and the Floor: what moves although nothing was changed.
package lab
