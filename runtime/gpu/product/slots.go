package product

// SortArgs is struct Sort of experts.cu. It brings slots of experts into the order that Runs are of.
type SortArgs struct {
	Expert, Row, Of, Place        uint64
	RunExpert, RunFirst, RunSlots uint64
	Slots, Used, Most             int32
}

// CollectArgs is struct Collect of experts.cu, by which rows follow that order.
type CollectArgs struct {
	X, Y, Row uint64
	N         int32
}
