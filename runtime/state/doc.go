// Package state reads and checks the files that the program keeps for itself or gets from its user.
// JSON is read strictly, and an error names its place. Checksums tell a damaged file from a whole
// one.
package state
