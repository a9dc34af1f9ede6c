// Package kv is the key-value cache. For each layer and side (keys or values) it has a slab of
// packed rows in the type and rotation that a policy asks for. It knows which cell holds which
// position, and what it takes to move, drop, save and restore them.
//
//	Policy --NewPlan--> Plan --New--> Cache --Place--> room for a batch,
//	for which then each layer stores its rows and attends to them
//
// A row is one head of one position. The steps between a head as the model computes it and the
// packed row are
//
//	rotation (consecutive tiles) -> zeros up to whole blocks, for types that pad
//	-> the type's own transform -> blocks
//
// and a reader does the same to the query (keys) or the reverse to the output (values), never to
// the rows.
//
// A layer's rows lie in segments. Plain layers have one, of packed rows. Where a policy keeps Ends
// exact, a second holds the first positions for ever and the last until they are evicted: then the
// oldest are packed, a few at a time. An Offset is taken out of the keys before they come here; the
// cache only knows its name.
//
// # Sequences
//
// A cache holds up to 64 sequences. A cell has a position and the Set of sequences that hold its
// row. The query of a sequence at a position sees the cells whose set contains the sequence and
// whose position is not later. Where the layer has a window, the position is inside it. From that
// follows the rest:
//
//   - CopySeq adds a sequence to the sets of another's cells: what both have in common costs no
//     bytes. Each then goes on in cells of its own.
//   - RemoveSeq, KeepSeq and TruncateSeq take sequences out of sets. A cell without any is empty
//     and is used again, so that positions are in no order once that has happened.
//   - ShiftSeq rotates the keys of cells that only this sequence holds where they are. Others stay
//     as they are for those who share them, and the sequence gets copies.
//   - A batch mixes tokens of several sequences (PlaceRuns), those of one following one another.
//   - A sliding window lets a row go when all sequences that hold it have moved on.
//   - Which rows are exact depends on the positions of a sequence alone, as in a cache of its own.
//     Where one that shares an exact row wants it packed and another does not yet, the row is held
//     in both forms; it is packed once for all.
//   - A recurrent layer has a state per sequence, which CopySeq copies.
//
// A sequence takes whole pages of cells while there are any, because attention skips what a
// sequence does not see by stretches of cells. What sequences see, and so what they compute, never
// depends on which cells rows are in.
//
// Size is the most positions that a sequence can have. Cells is the rows of all sequences together,
// a shared one counted once; a batch that would need more is refused before anything is changed. A
// cache of one sequence, as New makes it, keeps no sets, and its cells are given out in order of
// position.
package kv
