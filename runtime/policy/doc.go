// Package policy reads what a person asks of a key-value cache and says in words what becomes of
// it.
//
// A cell is the whole cache in one word, such as q8_0/turbo4 (keys/values): Reader.Policy documents
// the language. A policy file says the same by layer and side, as JSON. Auto is the best that is
// known for a model. All three become a kv.Policy, which kv.NewPlan decides for the layers of a
// model; Print says what was asked for, what is in effect and why.
//
//	r := policy.NewReader(m, path)
//	plan, err := r.Plan("lm4_64-bias/lm4_64@4+32")
//	policy.Print(os.Stdout, plan, 4096)
//
// Errors name the flag, file or cell, what is wrong with it and the nearest names. A Refusal is a
// request that is understood and that the model, or the type, cannot honour.
package policy
