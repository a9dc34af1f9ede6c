package args

// Mu is an offset of keys: what was taken out of them, and the RoPE that it would have had.
type Mu struct {
	Mu uint64 `c:"const float*"` // [kv heads][KEY_DIM]
	// [steps][2][2][32 lanes]: cos and sin as f16 of positions 4j + 2m and 4j + 2m + 1, of
	// pair 8s + c, and of 8s + 4 + c; what that leaves over
	Table uint64 `c:"const uint4*"`
	// [blocks][steps][4], [tile][steps][4]: cos and sin of position tile * (n - 1), of
	// position n; of both pairs
	Block, Rest uint64 `c:"const float4*"`
	Blocks      int32
	Magnitude   float32 // of what rotates
}

// Segment is rows of one pair of types that attention reads.
type Segment struct {
	// [kv heads] of rows, so many bytes apart
	Keys, KeyScales                                  uint64 `c:"const unsigned char*"`
	Values, ValueScales                              uint64 `c:"const unsigned char*"`
	KeyHead, KeyScaleHead, ValueHead, ValueScaleHead int64
	// {rows in use, position of cell 0, 1 where cell c holds that position plus c, 0}; see
	// Page if PAGED
	Cells uint64 `c:"const int4*"`
	// [capacity] of the cells, -1 for an empty one; not read where they are in order
	Positions uint64 `c:"const int*"`
	// [kv heads][groups of ROWS][splits][ROWS][value row]
	Partial uint64 `c:"float*"`
	// [kv heads][groups of ROWS][splits][ROWS][2]: reference exponent, sum
	Norms            uint64 `c:"float*"`
	Capacity, Splits int32
}

// Attend computes attention.
type Attend struct {
	Q uint64 `c:"const float*"` // [queries][heads][KEY_DIM]
	// [queries]; one below 0 sees nothing
	Positions uint64 `c:"const int*"`
	Out       uint64 `c:"float*"`       // [queries][heads][VALUE_DIM]
	Sinks     uint64 `c:"const float*"` // [heads] or null
	// [kv heads][groups of ROWS] blocks that are done; 0 between launches
	Arrived                         uint64 `c:"unsigned*"`
	Mu                              Mu
	Queries, Heads, KVHeads, Window int32 // counts; 0 for no window
	Scale, SoftCap                  float32
	// [count] {first query, queries, sequence, 0}; if PAGED
	Runs     uint64 `c:"const int4*"`
	Count    int32
	Segments [2]Segment
}

// Prefill computes attention of many query rows over keys and values of f16: those of the segments,
// whose scales are not looked at. Their parts are [groups of the launch][Parts][ROWS][value row]
// and, of the references and sums, [2], both in the first segment.
type Prefill struct {
	Attend      Attend
	First, Many int32 // KV heads of the launch: the first, and how many
	Parts       int32 // that the cells are cut into
}

// Unpack makes rows of f16 of those of a side, as the model computed them.
type Unpack struct {
	From Rows
	// [Many] heads of rows as a cache of f16 has them, To.Head bytes apart
	To        Rows
	Cells     uint64 `c:"const int4*"` // as those of a Segment
	Positions uint64 `c:"const int*"`
	// [count] as those of Attend, if PAGED; block y is a head of a run
	Runs  uint64 `c:"const int4*"`
	Mu    Mu
	First int32 // KV head
	Many  int32
}
