package chat

import (
	"fmt"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// maxRewrites bounds the conditional expressions of a template that need rewriting; each takes a pass over its text.
const maxRewrites = 200

// rewriteConditionals replaces "x if c else y" where the engine cannot parse it, which is everywhere but directly in an
// output or a set, by the equivalent ((c) and [x] or [y])|first. A list of one is true, so only the branch taken is
// evaluated.
func rewriteConditionals(source string, c *config.Config) (string, error) {
	for range maxRewrites {
		e, ok := findConditional(source, c)
		if !ok {
			return source, nil
		}
		otherwise := "''"
		if e.otherwise >= 0 {
			otherwise = source[e.otherwise+len("else") : e.end]
		} else {
			e.otherwise = e.end
		}
		source = fmt.Sprintf("%s(((%s) and [%s] or [%s])|first)%s", source[:e.start],
			source[e.condition+len("if"):e.otherwise], source[e.start:e.condition], otherwise, source[e.end:])
	}
	return "", fmt.Errorf("chat: the template has more than %d conditional expressions", maxRewrites)
}

// conditional gives the byte offsets of an expression, of its "if" and of its "else", none when there is no else.
type conditional struct{ start, condition, otherwise, end int }

const none = -1

// findConditional returns the first conditional expression inside brackets, or chained without them.
func findConditional(source string, c *config.Config) (conditional, bool) {
	// One frame per open bracket, and one for the tag itself.
	type frame struct {
		conditional
		ifs int
	}
	var stack []frame
	open := func(at int) { stack = append(stack, frame{conditional: conditional{at, none, none, none}}) }
	inTag := ""
	for s := tokens.LexAll(source, c); !s.End(); s.Next() {
		t := s.Current()
		after := t.Pos + len(t.Val)
		switch t.Type {
		case tokens.VariableBegin, tokens.BlockBegin:
			stack, inTag = nil, ""
			open(after)
			if t.Type == tokens.VariableBegin {
				inTag = "set" // an output takes conditionals as a set does
			}
			continue
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			open(after)
			continue
		}
		if len(stack) == 0 {
			continue
		}
		f := &stack[len(stack)-1]
		switch t.Type {
		case tokens.Name:
			switch {
			case inTag == "":
				inTag = t.Val
			case t.Val == "if":
				if f.ifs++; f.ifs == 1 {
					f.condition = t.Pos
				}
			case t.Val == "else" && f.ifs > 0 && f.otherwise == none:
				f.otherwise = t.Pos
			}
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace, tokens.Comma, tokens.Colon, tokens.Assign,
			tokens.VariableEnd, tokens.BlockEnd:
			inside := len(stack) > 1
			if f.ifs > 1 && inTag == "set" || f.ifs > 0 && inside {
				f.end = t.Pos
				return f.conditional, true
			}
			switch t.Type {
			case tokens.Comma, tokens.Colon, tokens.Assign:
				*f = frame{conditional: conditional{after, none, none, none}}
			default:
				stack = stack[:len(stack)-1]
			}
		}
	}
	return conditional{}, false
}
