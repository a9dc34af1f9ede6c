// Package state is what the files have in common that the program keeps for itself or reads from
// its user: JSON that is read strictly, with the place of a mistake, and checksums, by which a file
// that was damaged is told from one that is whole.
package state
