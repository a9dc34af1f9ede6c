// Package fibres runs the kernels of a GPU on one core, for the emulations of languages: blocks one
// after the other, a fibre for every thread that has to wait. It has the memory of a device, and
// says which thread of a kernel touched something else. It is there with the build tag emulate, on
// Linux and x86-64, and needs g++.
package fibres
