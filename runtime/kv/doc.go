// Package kv is the key-value cache: for each layer and side (keys or values) a slab of packed rows in the type and
// rotation that a policy asks for, which cell holds which position, and what it takes to move, drop, save and restore them.
//
//	Policy --NewPlan--> Plan --New--> Cache --Place--> room for a batch, then per layer its rows are stored and seen
//
// A row is one head of one position. The steps between a head as the model computes it and the packed row are
//
//	rotation (consecutive tiles) -> zeros up to whole blocks, for types that pad -> the type's own transform -> blocks
//
// and a reader does the same to the query (keys) or the reverse to the output (values), never to the rows.
//
// A layer's rows lie in segments. Plain layers have one, of packed rows. Where a policy keeps Ends exact, a second holds
// the first positions for ever and the last in a ring, from which the oldest rows are packed a few at a time. An Offset is
// taken out of the keys before they come here; the cache only knows its name.
package kv
