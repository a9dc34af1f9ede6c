package cpu

// ActStep is the step in which rows of a kernels.Act are shared between workers and cut into tiles:
// Act.From takes multiples of it, since kernels keep so many rows together.
const ActStep = 8
