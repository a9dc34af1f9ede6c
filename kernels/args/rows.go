package args

// Rows is one side of a layer in the cache.
type Rows struct {
	Rows, Scales    uint64 `c:"unsigned char*"`
	Head, ScaleHead int64  // bytes from one KV head to the next
	Capacity        int32  // rows of a head
}

// Store encodes rows, or takes packed ones.
type Store struct {
	// [tokens], a token every ld values, its KV heads one after another; null: take packed
	X uint64 `c:"const float*"`
	// [tokens][kv heads] rows; written if x is given, null for no such rows
	Packed uint64 `c:"unsigned char*"`
	// [tokens] where rows go; a token whose cell the cache does not have is left out
	Cells uint64 `c:"const int*"`
	To    Rows
	LD    int64
}

// Move reads rows: as numbers, as a file has them, or with keys rotated to other positions.
type Move struct {
	X uint64 `c:"float*"` // read_rows: [cells][kv heads][HEAD_DIM]
	// export_rows, rope_rows: [cells][kv heads] rows as a file has them
	Packed uint64 `c:"unsigned char*"`
	Cells  uint64 `c:"const int*"`
	// rope_rows: [pairs] of the angle that keys rotate by
	Cos, Sin        uint64 `c:"const float*"`
	From            Rows
	Pairs, Adjacent int32 // pairs are (0,1) (2,3), else (0,n) (1,n+1)
}

// Evict packs rows that leave the exact ones.
type Evict struct {
	// [rows] exact and packed cells; a row is left out that has no cell in both
	From, To                             uint64 `c:"const int*"`
	Keys, Values, ExactKeys, ExactValues Rows
	KVHeads                              int32
}
