// Package fake is Objective-C and Metal for machines that have neither: an objc.Runtime that checks
// what is sent to it. What messages there are, of which classes, since which macOS and with which
// types, is in declarations.txt, in the words of Apple's documentation. A mistake stops the program
// with a panic that names the message:
//
//   - a message that its object does not have, or not in this version of macOS; a wrong type
//   - an object that is used after it was released, released too often, or never (Live)
//   - an autoreleased object without a pool
//   - encoding after the end, two encoders at once, a kernel without a pipeline or arguments,
//     groups that are too large, kernels that nothing orders, copies of half words
//   - memory that is given back while kernels use it, and that kernels are given which is not
//     resident
//
// Command buffers run when somebody waits for them, as late as can be, so that the host's mistakes
// of order show. Kernels are those of a Machine: functions of Go, or package emulate.
package fake
