package product

// SortArgs and CollectArgs are structs Sort and Collect of experts.cu, which bring slots of experts
// into the order that Runs are of.
type SortArgs struct {
	Expert, Row, Of, Place        uint64
	RunExpert, RunFirst, RunSlots uint64
	Slots, Used, Most             int32
}

type CollectArgs struct {
	X, Y, Row uint64
	N         int32
}
