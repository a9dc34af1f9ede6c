// Package metal holds what the compiler made for the GPUs of Apple, as text: a struct for every
// type and transform, and the arguments of kernels. A kernel is put together from them and the
// frames of package templates, and compiled on the user's machine.
package metal

import "embed"

// Files holds type-NAME.metalh, transform-NAME.metalh and args.metalh, the arguments of kernels.
//
//go:embed *.metalh
var Files embed.FS
