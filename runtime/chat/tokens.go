package chat

import (
	"fmt"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Limits on what the parser is given. An expression is evaluated in one go, so what it can build is bounded by its
// length. Published templates have expressions of less than 100 tokens and some 200 tags.
const (
	maxExpression = 400  // tokens of one {{ }} or {% %}
	maxNesting    = 40   // brackets inside brackets
	maxTags       = 1000 // {% %} of the template, each of which may be inside the one before
)

// checkTokens refuses what would let a short expression take long, before it is parsed: 'a' * 10**9 is a gigabyte, and
// ten thousand parentheses are as many stack frames.
func checkTokens(source string, c *config.Config) error {
	count, nesting, tags := 0, 0, 0
	for s := tokens.LexAll(source, c); !s.End(); s.Next() {
		t := s.Current()
		switch t.Type {
		case tokens.Data, tokens.BlockBegin, tokens.VariableBegin:
			count, nesting = 0, 0
			if t.Type == tokens.BlockBegin {
				tags++
			}
			if tags > maxTags {
				return fmt.Errorf("chat: line %d of the template: more than %d tags", t.Line, maxTags)
			}
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			nesting++
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			nesting--
		case tokens.Multiply, tokens.Power:
			return fmt.Errorf("chat: line %d of the template: %q is not supported", t.Line, t.Val)
		}
		if count++; count > maxExpression || nesting > maxNesting {
			return fmt.Errorf("chat: line %d of the template: an expression has more than %d tokens or %d nested brackets",
				t.Line, maxExpression, maxNesting)
		}
	}
	return nil
}
