package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/kvgen/kvgen/runtime/model"
)

// loraFlags name adapters that are added to a model.
type loraFlags struct{ plain, scaled []string }

func (f *loraFlags) add(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.plain, "lora", nil, "LoRA adapter in a GGUF `file`, as llama.cpp converts them, whose matrices are added to the model's products; may be given again, or several between commas")
	fs.StringArrayVar(&f.scaled, "lora-scaled", nil, "`file:scale`, an adapter that is added scale times as strongly")
}

// open reads the adapters.
func (f *loraFlags) open(s *session) (all []*model.Adapter, err error) {
	one := func(path string, scale float64) error {
		if err := s.input(path); err != nil {
			return err
		}
		a, err := model.OpenAdapter(path, s.table, scale)
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%.200s: no such file", path)
		}
		all = append(all, a)
		return err
	}
	for _, list := range f.plain {
		for path := range strings.SplitSeq(list, ",") {
			if err := one(path, 1); err != nil {
				return nil, fmt.Errorf("--lora: %w", err)
			}
		}
	}
	for _, list := range f.scaled {
		for item := range strings.SplitSeq(list, ",") {
			at := strings.LastIndexByte(item, ':')
			scale, bad := strconv.ParseFloat(item[at+1:], 64)
			if at < 1 || bad != nil || math.IsNaN(scale) || math.IsInf(scale, 0) {
				return nil, fmt.Errorf("--lora-scaled %.80q: want FILE:SCALE, such as adapter.gguf:0.5", item)
			}
			if err := one(item[:at], scale); err != nil {
				return nil, fmt.Errorf("--lora-scaled: %w", err)
			}
		}
	}
	return all, nil
}
