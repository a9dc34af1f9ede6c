// Package product multiplies activations with a model's weights. A Matrix is repacked from a file's
// rows when it is uploaded. Products with few tokens read it as it is and are bound by the memory
// (product.go); those with many make f16 of a part of it at a time for the tensor cores (gemm.go).
package product
