package main

import (
	"strings"
	"text/template"
)

// A scaffold is a type to begin with, as text with Name, Bits, Block, Levels (1 << Bits), Top
// (Levels - 1) and Bytes (of the codes of a block).
type scaffold struct {
	kind, summary string
	text          *template.Template
}

// scaffolds in the order of the help text.
var scaffolds = []scaffold{
	{"codebook", "Lloyd-Max levels and one scale", parseScaffold(codebookScaffold)},
	{"affine", "evenly spaced levels between the least and the largest value", parseScaffold(affineScaffold)},
	{"zero-point", "evenly spaced levels and an integer that stands for 0", parseScaffold(zeroScaffold)},
	{"rotated", "Lloyd-Max levels of a rotated unit vector and its norm", parseScaffold(rotatedScaffold)},
}

func parseScaffold(text string) *template.Template {
	return template.Must(template.New("type").Parse("# {{.Name}}: say here what it is for and why its bytes are as they are.\n\n" + text))
}

// kindNames lists the kinds for a message.
func kindNames() string {
	var list []string
	for _, s := range scaffolds {
		list = append(list, s.kind+" ("+s.summary+")")
	}
	return strings.Join(list, ", ")
}

const codebookScaffold = `type "{{.Name}}" {
  summary  = "{{.Bits}}-bit Lloyd-Max codes, one scale per {{.Block}} values"
  use      = [kv, weight]
  block    = {{.Block}}
  layout   = [f16("d"), u8("qs", {{.Bytes}})]
  codebook = lloyd_max({{.Levels}}, gaussian) # what the values, divided by their root mean square, look like
  code     = bits(qs, {{.Bits}}*i, {{.Bits}}) # i is the place in the block; any arithmetic of i says where a code lies
  value    = d * codebook[code]
  encode {
    rms  = sqrt(sum(x*x) / {{.Block}})
    code = nearest(codebook, x*inv(rms))
    dot  = sum(x*codebook[code])
    len  = sum(codebook[code]*codebook[code])
    d    = rms > 0 ? dot / len : 0 # the scale that fits the chosen levels best
  }
}
`

const affineScaffold = `type "{{.Name}}" {
  summary = "{{.Bits}}-bit codes, one scale and one minimum per {{.Block}} values"
  use     = [kv, weight]
  block   = {{.Block}}
  layout  = [f16("d"), f16("m"), u8("qs", {{.Bytes}})]
  code    = bits(qs, {{.Bits}}*i, {{.Bits}}) # i is the place in the block; any arithmetic of i says where a code lies
  value   = d * code + m
  encode {
    m    = min(x)
    step = (max(x) - m) / {{.Top}}
    d    = step
    code = clamp(round((x - m)*inv(step)), 0, {{.Top}})
  }
}
`

const zeroScaffold = `type "{{.Name}}" {
  summary = "{{.Bits}}-bit codes, one scale and an integer zero point per {{.Block}} values"
  use     = [kv, weight]
  block   = {{.Block}}
  layout  = [f16("d"), u8("z", 1), u8("qs", {{.Bytes}})]
  zero    = bits(z, 0, 8)
  code    = bits(qs, {{.Bits}}*i, {{.Bits}}) # i is the place in the block; any arithmetic of i says where a code lies
  value   = d * (code - zero)
  encode {
    lo   = min(min(x), 0.0) # 0 is always a level
    hi   = max(max(x), 0.0)
    d    = (hi - lo) / {{.Top}}
    zero = clamp(round(-lo*inv(d)), 0, {{.Top}})
    code = clamp(clamp(round(x*inv(d)), -{{.Top}}, {{.Top}}) + zero, 0, {{.Top}})
  }
}
`

const rotatedScaffold = `transform "{{.Name}}_wht" { # y = right * H/sqrt({{.Block}}) * left * x
  kind  = wht
  size  = {{.Block}}
  left  = signs("pcg64", 42, 0)
  right = signs("pcg64", 42, {{.Block}})
}

type "{{.Name}}" {
  summary  = "{{.Bits}}-bit Lloyd-Max codes of a rotated unit vector, one norm per {{.Block}} values"
  use      = [kv]
  block    = {{.Block}}
  layout   = [f16("norm"), u8("qs", {{.Bytes}})]
  domain   = {{.Name}}_wht # what is stored is rotated
  codebook = lloyd_max({{.Levels}}, sphere({{.Block}}))
  code     = bits(qs, {{.Bits}}*i, {{.Bits}}) # i is the place in the block; any arithmetic of i says where a code lies
  value    = norm * codebook[code]
  encode {
    n    = sqrt(sum(x*x))
    v    = domain(n > 1e-10 ? x*inv(n) : 0*x)
    code = nearest(codebook, v)
    r    = sqrt(sum(codebook[code]*codebook[code]))
    norm = r > 1e-10 ? n / r : n # so that the norm of what is read back is the norm of what was written
  }
}
`
