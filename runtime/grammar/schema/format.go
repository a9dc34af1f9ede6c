package schema

import (
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	re "github.com/kvgen/kvgen/runtime/grammar/regular"
)

// Formats are the values of format that are enforced of strings.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// formats are enforced by expressions of what stands between the quotes.
var formats = map[string]func() re.Expr{
	"date": date, "time": timeOfDay, "date-time": func() re.Expr { return re.Seq(date(), re.Of("Tt"), timeOfDay()) },
	"duration": duration, "uuid": uuid, "ipv4": ipv4, "ipv6": ipv6, "hostname": hostname, "email": email, "uri": uri,
}

// numberFormats are the formats that OpenAPI has for numbers, with their ranges.
var numberFormats = map[string]func() (min, max *big.Rat){
	"int32": func() (min, max *big.Rat) { return whole(math.MinInt32), whole(math.MaxInt32) },
	"int64": func() (min, max *big.Rat) { return whole(math.MinInt64), whole(math.MaxInt64) },
	"float": nil, "double": nil, // every number that is written fits
}

func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// readFormat checks the name of a format, and takes those of numbers.
func (p *spec) readFormat(s *value) error {
	v := s.get("format")
	if v == nil || formats[v.text] != nil {
		return nil
	}
	limits, ok := numberFormats[v.text]
	if !ok {
		return s.refuse("format", "%.40q is not enforced; those that are: %s", v.text, strings.Join(Formats(), ", "))
	}
	p.strings.formats = slices.DeleteFunc(p.strings.formats, func(x *value) bool { return x == s })
	if limits != nil {
		min, max := limits()
		p.numbers.atLeast(min, false, s)
		p.numbers.atMost(max, false, s)
	}
	return nil
}

func digits(n int) re.Expr { return re.Repeat(re.Range('0', '9'), n, n) }

// below are two digits of 00 to one less than tens*10.
func below(tens byte) re.Expr { return re.Seq(re.Range('0', '0'+tens-1), digits(1)) }

// date is RFC 3339's full-date: months have their days, and years their February.
func date() re.Expr {
	two := func(tens, lo, hi byte) re.Expr { return re.Seq(re.Range(tens, tens), re.Range(lo, hi)) }
	to28 := re.Alt(two('0', '1', '9'), two('1', '0', '9'), two('2', '0', '8'))
	to30 := re.Alt(to28, re.Text("29"), re.Text("30"))
	months := func(days re.Expr, names ...string) re.Expr {
		var all []re.Expr
		for _, m := range names {
			all = append(all, re.Text(m))
		}
		return re.Seq(re.Alt(all...), re.Text("-"), days)
	}
	usual := re.Seq(digits(4), re.Text("-"), re.Alt(months(to28, "02"), months(to30, "04", "06", "09", "11"),
		months(re.Alt(to30, re.Text("31")), "01", "03", "05", "07", "08", "10", "12")))
	even, odd := re.Of("02468"), re.Of("13579")
	fours := func(zero bool) re.Expr { // multiples of 4 in two digits, 00 or not
		first := re.Seq(even, re.Of("48"))
		nought := re.Seq(re.Of("2468"), re.Text("0"))
		if zero {
			nought = re.Seq(even, re.Text("0"))
		}
		return re.Alt(first, nought, re.Seq(odd, re.Of("26")))
	}
	leap := re.Alt(re.Seq(digits(2), fours(false)), re.Seq(fours(true), re.Text("00")))
	return re.Alt(usual, re.Seq(leap, re.Text("-02-29")))
}

// timeOfDay is RFC 3339's full-time. A leap second is not written: whether there was one depends on
// the offset and the day.
func timeOfDay() re.Expr {
	hour := re.Alt(re.Seq(re.Of("01"), digits(1)), re.Seq(re.Text("2"), re.Range('0', '3')))
	clock := re.Seq(hour, re.Text(":"), below(6))
	return re.Seq(clock, re.Text(":"), below(6), re.Opt(re.Seq(re.Text("."), re.Repeat(re.Range('0', '9'), 1, 9))),
		re.Alt(re.Of("Zz"), re.Seq(re.Of("+-"), clock)))
}

// duration is RFC 3339's, appendix A.
func duration() re.Expr {
	part := func(unit string, rest ...re.Expr) re.Expr {
		return re.Seq(re.Repeat(re.Range('0', '9'), 1, 9), re.Text(unit), re.Opt(re.Alt(rest...)))
	}
	second := part("S")
	minute := part("M", second)
	clock := re.Seq(re.Text("T"), re.Alt(part("H", minute), minute, second))
	day := part("D", clock)
	month := part("M", day, clock)
	year := part("Y", month, clock)
	return re.Seq(re.Text("P"), re.Alt(year, month, day, clock, re.Seq(re.Repeat(re.Range('0', '9'), 1, 9), re.Text("W"))))
}

func hexes(n int) re.Expr { return re.Repeat(hexDigit(0, 15), n, n) }

func uuid() re.Expr {
	dash := re.Text("-")
	return re.Seq(hexes(8), dash, hexes(4), dash, hexes(4), dash, hexes(4), dash, hexes(12))
}

func ipv4() re.Expr {
	octet := re.Alt(digits(1), re.Seq(re.Range('1', '9'), digits(1)), re.Seq(re.Text("1"), digits(2)),
		re.Seq(re.Text("2"), re.Range('0', '4'), digits(1)), re.Seq(re.Text("25"), re.Range('0', '5')))
	return re.Seq(re.Repeat(re.Seq(octet, re.Text(".")), 3, 3), octet)
}

// ipv6 is RFC 4291's text, section 2.2, with an IPv4 address at the end or not.
func ipv6() re.Expr {
	group := re.Repeat(hexDigit(0, 15), 1, 4)
	left := re.Seq(group, re.Text(":"))
	times := func(e re.Expr, n int) re.Expr { return re.Repeat(e, n, n) }
	list := func(n int) re.Expr { // n groups with colons between
		if n == 0 {
			return re.Expr{}
		}
		return re.Seq(times(left, n-1), group)
	}
	all := []re.Expr{list(8), re.Seq(times(left, 6), ipv4())}
	for before := range 8 {
		for behind := 0; before+behind <= 7; behind++ {
			all = append(all, re.Seq(list(before), re.Text("::"), list(behind)))
		}
		for behind := 0; before+behind <= 5; behind++ {
			all = append(all, re.Seq(list(before), re.Text("::"), times(left, behind), ipv4()))
		}
	}
	return re.Alt(all...)
}

var alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// label is one of a host's name, of ASCII letters, digits and inner hyphens.
func label(most int) re.Expr {
	one := re.Of(alphanumeric)
	return re.Seq(one, re.Opt(re.Seq(re.Repeat(re.Of(alphanumeric+"-"), 0, most-2), one)))
}

// hostname is up to four labels of RFC 1123. Names in other scripts are not written, nor are labels
// with two hyphens in the third and fourth place, which stand for such.
func hostname() re.Expr {
	one := re.Of(alphanumeric)
	plain := re.Seq(one, re.Repeat(re.Seq(re.Opt(re.Text("-")), one), 0, 30))
	return re.Seq(plain, re.Repeat(re.Seq(re.Text("."), plain), 0, 3))
}

// email is a mailbox of RFC 5321 without quotes: words of up to 64 characters with dots between, at
// a host.
func email() re.Expr {
	word := re.Repeat(re.Of(alphanumeric+"!#$%&'*+-/=?^_`{|}~"), 1, 20)
	return re.Seq(word, re.Repeat(re.Seq(re.Text("."), word), 0, 2), re.Text("@"), hostname())
}

// uri is one of RFC 3986 with a scheme. Hosts in brackets and user names are not written.
func uri() re.Expr {
	hex := hexDigit(0, 15)
	char := re.Alt(re.Of(alphanumeric+"-._~!$&'()*+,;=:@"), re.Seq(re.Text("%"), hex, hex))
	scheme := re.Seq(re.Of(alphanumeric[:52]), re.Repeat(re.Of(alphanumeric+"+-."), 0, re.Unbounded), re.Text(":"))
	path := re.Repeat(re.Alt(char, re.Text("/")), 0, re.Unbounded)
	rest := re.Repeat(re.Alt(char, re.Of("/?")), 0, re.Unbounded)
	authority := re.Seq(re.Text("//"), hostname(), re.Opt(re.Seq(re.Text(":"), re.Repeat(re.Range('0', '9'), 1, 5))))
	tail := re.Seq(re.Opt(re.Seq(re.Text("?"), rest)), re.Opt(re.Seq(re.Text("#"), rest)))
	absolute := re.Seq(re.Text("/"), re.Opt(re.Seq(char, path)))
	return re.Seq(scheme, re.Alt(re.Seq(authority, re.Opt(re.Seq(re.Text("/"), path))), absolute, re.Seq(char, path)), tail)
}
