package gpu

// Driver is one kind of GPU as commands know it before any is open: its words, its flags and how a
// device of it is opened. A driver computes nothing; what is the same for all GPUs is in packages
// below this one. Package drivers lists those that there are.
type Driver struct {
	// Name is how --device names it, and the name of its folders: runtime/cuda, templates/cuda,
	// kernels/cuda, gen/target/cuda.
	Name string
	// Title is what people call it: CUDA.
	Title string
	// Generation is its maker's word for what Limits.Generation says: compute capability.
	Generation string
	// Settings are flags of command lines that it has beside those of all GPUs.
	Settings []Setting

	// Open opens a GPU of this machine by its number, counted from 0.
	Open func(number int, o Options) (Device, error)

	// Dialect is the device text of its kernels, for which no GPU is needed. more is as in Options.
	Dialect func(more Text) *Dialect
}

// Setting is a flag of command lines, which takes a value.
type Setting struct {
	Name  string   // without dashes
	Usage string   // what the value is, between backquotes, and what it is for
	Words []string // that stand for a value
	File  bool     // the value is the path of a file
}

// Options are how a device is opened.
type Options struct {
	// More finds the structs of types and transforms that are not those of the table, or stand in
	// their place; nil for none.
	More Text

	// Notice is told, once, what a person should know of how kernels are come by; nil for nobody.
	Notice func(text string)

	// Settings are the values of Driver.Settings that are given, by name.
	Settings map[string]string
}
