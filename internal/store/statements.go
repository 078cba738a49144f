package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/store/engine"
)

// statements are found by the vulnerability that they speak of, under all of its names,
// and by the document that they stand in.
//
//nolint:gochecknoglobals // a constant declaration
var statements = engine.Collection{
	Name:    "statements",
	Fields:  []engine.Field{{Name: "source"}, {Name: "vulnerability", Kind: engine.Texts}, {Name: "document"}, {Name: "said", Kind: engine.Int}},
	Indexes: []engine.Index{{Fields: []string{"vulnerability"}}, {Fields: []string{"document"}}, {Fields: []string{"source"}}, {Fields: []string{"said"}}},
}

func (s *Store) statements() of[exposure.Statement] {
	return of[exposure.Statement]{Collection: &statements, e: s.engine,
		id: func(x *exposure.Statement) string { return statementID(x.Source, x.ID) },
		at: func(x *exposure.Statement) int64 { return x.Version },
		values: func(x *exposure.Statement) []any {
			return []any{x.Source, x.Names(), documentKey(x.Source, x.Document), x.At.UnixMilli()}
		}}
}

// statementID is short whatever a document calls its statements.
func statementID(source, id string) string {
	sum := sha256.Sum256([]byte(source + "\x00" + id))
	return hex.EncodeToString(sum[:16])
}

func documentKey(source, document string) string { return source + "|" + document }

// PutStatements writes statements under their source and ID, whatever was there. Only a
// source's own ingest writes its statements.
func (s *Store) PutStatements(ctx context.Context, xs []exposure.Statement) error {
	return s.statements().put(ctx, xs...)
}

// Statements gives those of a source that exist, by their IDs within it.
func (s *Store) Statements(ctx context.Context, source string, ids []string) (map[string]exposure.Statement, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = statementID(source, id)
	}
	xs, err := s.statements().get(ctx, keys)
	found := make(map[string]exposure.Statement, len(xs))
	for _, x := range xs {
		found[x.ID] = x
	}
	return found, err
}

// StatementsAbout gives all that is said of any of the vulnerabilities, named in upper
// case, withdrawn statements included.
func (s *Store) StatementsAbout(ctx context.Context, vulnerabilities []string) ([]exposure.Statement, error) {
	if len(vulnerabilities) == 0 {
		return nil, nil
	}
	var w where
	in(&w, "vulnerability", vulnerabilities, asText)
	return s.statements().all(ctx, w...)
}

// StatementsOf gives the statements of one document of a source.
func (s *Store) StatementsOf(ctx context.Context, source, document string) ([]exposure.Statement, error) {
	var w where
	w.add("document", engine.In, asText(documentKey(source, document)))
	return s.statements().all(ctx, w...)
}

// FindStatements gives one page of what is said of a vulnerability, or by a source, or at
// all, newest first.
func (s *Store) FindStatements(ctx context.Context, f exposure.StatementFilter, l exposure.List) (exposure.Page[exposure.Statement], error) {
	var w where
	w.equal("vulnerability", f.Vulnerability)
	w.equal("source", f.Source)
	return s.statements().page(ctx, w, ordering{name: "said", fields: []string{"said"}, desc: true}, l)
}
