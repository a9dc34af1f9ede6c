package kernels

// What generated guards call.

// quotient and remainder are x/y and x%y, 0 where y is 0.
func quotient(x, y int) int {
	if y == 0 {
		return 0
	}
	return x / y
}

func remainder(x, y int) int {
	if y == 0 {
		return 0
	}
	return x % y
}

func magnitude(x int) int { return max(x, -x) }

// choose is yes or no, both of which are evaluated.
func choose(cond bool, yes, no int) int {
	if cond {
		return yes
	}
	return no
}
