// Package rows keeps the rows of a KV cache in device memory: one side of a layer, for each KV head
// rows of one type and their scales. Rows are encoded from the model's numbers, decoded, brought to
// the host and back, rotated to other positions, and evicted from the window of exact rows.
package rows
