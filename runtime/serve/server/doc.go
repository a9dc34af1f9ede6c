// Package server puts the APIs of a served model behind one listener: who may ask, how long a
// request may take, how many connections there may be, and how it ends.
package server
