package main

import (
	"fmt"
	"strconv"
	"strings"
)

// listType is the type of flags that may be given again, each time with several values.
const listType = "list"

// A list is the value of such a flag: 1,2 and then 3 are 1,2,3. What is given takes the place of the default.
type list struct {
	items []string
	given bool
}

func newList(items ...string) list { return list{items: items} }

func (l *list) Set(s string) error {
	if !l.given {
		l.items, l.given = nil, true
	}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" {
			return fmt.Errorf("an empty value in the list")
		}
		l.items = append(l.items, item)
	}
	return nil
}

func (l *list) String() string { return strings.Join(l.items, ",") }
func (l *list) Type() string   { return listType }

// maxList is the most numbers that a list may stand for.
const maxList = 4096

// numbers reads a list of numbers, of which any may be a range as llama-bench has it: 1,2,3, or 8-32+8 for 8,16,24,32, or 1-8*2
// for 1,2,4,8; without a step it is 1.
func numbers(flag, list string) ([]int, error) {
	var all []int
	for _, s := range strings.Split(list, ",") {
		some, ok := span(strings.TrimSpace(s))
		if !ok {
			return nil, fmt.Errorf("%s %.64q: want numbers from 0 to %d, or ranges such as 8-32+8 or 1-8*2", flag, list, 1<<24)
		}
		if all = append(all, some...); len(all) > maxList {
			return nil, fmt.Errorf("%s %.64q: more than %d numbers", flag, list, maxList)
		}
	}
	return all, nil
}

// span is a number, or those of a range.
func span(s string) (all []int, ok bool) {
	number := func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= 0 && n <= 1<<24 && s[0] != '+'
	}
	first, rest, ranged := strings.Cut(s, "-")
	lo, ok := number(first)
	if !ok || !ranged {
		return []int{lo}, ok
	}
	step, times := 1, false
	if i := strings.IndexAny(rest, "+*"); i >= 0 {
		times = rest[i] == '*'
		if step, ok = number(rest[i+1:]); !ok {
			return nil, false
		}
		rest = rest[:i]
	}
	hi, ok := number(rest)
	if !ok || hi < lo || step < 1 || times && (step < 2 || lo < 1) {
		return nil, false
	}
	for n := lo; n <= hi && len(all) <= maxList; {
		if all = append(all, n); times {
			n *= step
		} else {
			n += step
		}
	}
	return all, true
}
