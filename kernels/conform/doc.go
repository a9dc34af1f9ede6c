// Package conform checks kernels against oracles. A check calls one kernel, on hostile inputs and
// between canaries, and returns what is wrong as a value. The conformance suite of package kernels
// runs every check whole; kvrun selftest runs them on machines of users, where there is no Go.
//
// A Subject is a type with its oracles: plain loops of package ref, the interpreter of specs, or
// whatever the caller has. Encoders, decoders and transforms are held to them bit for bit, products
// to a product in float64 within the bounds that abi.Impl states.
package conform
