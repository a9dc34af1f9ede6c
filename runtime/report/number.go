package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kvgen/kvgen/runtime/lab"
)

// number is v with three significant digits, without an exponent where it is easier to read so.
func number(v float64) string {
	switch a := math.Abs(v); {
	case v == 0:
		return "0"
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "no number"
	case a < 1e-4 || a >= 1e6:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 1, 64), "e")
		n, _ := strconv.Atoi(exponent)
		return mantissa + "e" + itoa(n)
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if v == math.Trunc(v) || isPower(v) {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func isPower(v float64) bool {
	l := math.Log10(math.Abs(v))
	return math.Abs(l-math.Round(l)) < 1e-9
}

func itoa(n int) string { return strconv.Itoa(n) }

// between is an interval in words; one chunk has none.
func between(e lab.Estimate) string {
	if !e.Spread() {
		return "no interval"
	}
	return number(max(0, e.Low)) + " to " + number(e.High)
}

// percent is a share with one digit, or two near 100 %.
func percent(share float64) string {
	p := 100 * share
	if p > 99 && p < 100 {
		return fmt.Sprintf("%.2f", p)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", p), ".0")
}

// bits is bits per value.
func bits(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00") }

// amount is a size in words.
func amount(n float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return number(n/u.size) + " " + u.name
		}
	}
	return number(n) + " bytes"
}

// count is n things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return itoa(n) + " " + thing + "s"
}

// limit prints a number that somebody chose with the digits it has.
func limit(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// smaller is how many times fewer bits than f16 a cache takes, in words.
func smaller(bitsPerValue float64) string {
	if bitsPerValue <= 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", 16/bitsPerValue)
}
