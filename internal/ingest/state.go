package ingest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
	"github.com/quellsec/quell/internal/fault"
)

// Statements are what authors of VEX say.
type Statements interface {
	Statements(ctx context.Context, source string, ids []string) (map[string]exposure.Statement, error)
	PutStatements(ctx context.Context, xs []exposure.Statement) error
	StatementsAbout(ctx context.Context, vulnerabilities []string) ([]exposure.Statement, error)
	StatementsOf(ctx context.Context, source, document string) ([]exposure.Statement, error)
}

// statedKey is the setting that changes whenever statements do: a report of findings that
// was on its way meanwhile sees by it that it has to look again.
const statedKey = "statements"

// stating is what a job knows of statements. A report of findings has those on its own
// vulnerabilities; a report of statements has the documents that it is.
type stating struct {
	mark      string                          // the setting when the job began to look; empty: there are no statements
	looked    bool                            // mark was read
	about     map[string][]exposure.Statement // by vulnerability, as far as was asked
	documents map[string]map[string]bool      // document → the IDs of its statements in this report
	changed   map[string]bool                 // vulnerabilities that are spoken of otherwise than before
}

func newStating() stating {
	return stating{about: map[string][]exposure.Statement{}, documents: map[string]map[string]bool{}, changed: map[string]bool{}}
}

// state stores the statements of a batch.
func (j *job) state(ctx context.Context, b batch) error {
	if len(b.stated) == 0 {
		return nil
	}
	told := map[string]exposure.Statement{}
	for _, s := range b.stated {
		s = j.cleanStatement(s)
		if s.ID == "" || s.Vulnerability == "" || s.Status == "" {
			j.skipped["statement_without_subject"]++
			continue
		}
		told[s.ID] = s
		if s.Document != "" {
			if j.stating.documents[s.Document] == nil {
				j.stating.documents[s.Document] = map[string]bool{}
			}
			j.stating.documents[s.Document][s.ID] = true
		}
	}
	ids := slices.Sorted(maps.Keys(told))
	known, err := j.store.Statements(ctx, j.source.Name, ids)
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading statements")
	}
	news := make([]exposure.Statement, 0, len(ids))
	for _, id := range ids {
		s, old := told[id], known[id]
		again := !old.Withdrawn.IsZero() && !s.At.After(old.At) && s.DocumentVersion == old.DocumentVersion
		if s.At.Before(old.At) || again { // the version of the document that a newer one has overtaken
			j.skipped["statement_older_than_known"]++
			continue
		}
		s.Version = old.Version + 1
		news = append(news, s)
		j.speaks(&s)
		j.speaks(&old)
	}
	j.counts[countStatements] += int64(len(news))
	if len(news) == 0 {
		return nil
	}
	err = j.store.PutStatements(ctx, news)
	return fault.Wrap(fault.KindOf(err), err, "writing statements")
}

// countStatements counts the statements of a delivery, beside its findings.
const countStatements = "statements"

func (j *job) cleanStatement(s exposure.Statement) exposure.Statement {
	s.Source = j.source.Name
	s.At = s.At.UTC().Truncate(1_000_000)
	if s.At.Unix() <= 0 || s.At.After(j.d.ReceivedAt.Add(maxSkew)) {
		s.At = j.d.ReceivedAt
	}
	s.Impact, s.Action = cut(s.Impact, exposure.MaxDescription), cut(s.Action, exposure.MaxDescription)
	s.Author, s.Justification, s.Product = cut(s.Author, exposure.MaxTitle), cut(s.Justification, exposure.MaxTitle), cut(s.Product, exposure.MaxTitle)
	return s
}

// speaks notes the vulnerabilities of a statement that came, went or changed.
func (j *job) speaks(s *exposure.Statement) {
	if s.ID == "" {
		return
	}
	for _, name := range s.Names() {
		j.stating.changed[strings.Clone(name)] = true
	}
}

// restate ends what a report has to do with statements. Those that a newer version of a
// document leaves out are withdrawn; then all is laid anew over the exposures that are
// spoken of. A report that broke off withdraws nothing.
func (j *job) restate(ctx context.Context, whole bool) error {
	if whole {
		if err := j.withdraw(ctx); err != nil {
			return err
		}
	}
	if len(j.stating.changed) > 0 {
		// Before looking at exposures: a report that writes some meanwhile looks after it
		// has, and sees that the mark changed.
		if err := j.store.PutSetting(ctx, statedKey, []byte(j.d.ID)); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "noting that statements changed")
		}
		return j.layOver(ctx, slices.Sorted(maps.Keys(j.stating.changed)))
	}
	if !j.stating.looked {
		return nil
	}
	mark, err := j.readMark(ctx)
	if err != nil || mark == j.stating.mark {
		return err
	}
	return j.layOver(ctx, slices.Sorted(maps.Keys(j.stating.about)))
}

func (j *job) withdraw(ctx context.Context) error {
	for _, document := range slices.Sorted(maps.Keys(j.stating.documents)) {
		ids := j.stating.documents[document]
		all, err := j.store.StatementsOf(ctx, j.source.Name, document)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading a document's statements")
		}
		var newest exposure.Statement
		for i := range all {
			if ids[all[i].ID] && !all[i].At.Before(newest.At) {
				newest = all[i]
			}
		}
		var gone []exposure.Statement
		for _, s := range all {
			// What was said later than anything in this report is of a newer version.
			if ids[s.ID] || s.At.After(newest.At) {
				continue
			}
			// One that is withdrawn already may still lie over exposures: whoever withdrew it
			// may have died before it was taken away.
			j.speaks(&s)
			if s.Withdrawn.IsZero() {
				s.Withdrawn = j.at
				s.Version++
				gone = append(gone, s)
			}
		}
		if len(gone) == 0 {
			continue
		}
		if err := j.store.PutStatements(ctx, gone); err != nil {
			return fault.Wrap(fault.KindOf(err), err, "withdrawing statements")
		}
	}
	return nil
}

// layOver lays statements anew over all exposures of some vulnerabilities.
func (j *job) layOver(ctx context.Context, names []string) error {
	for chunk := range slices.Chunk(names, 100) {
		found := map[exposure.ID]exposure.Exposure{}
		for _, name := range chunk {
			err := j.store.EachExposure(ctx, exposure.Filter{CVE: name}, func(e exposure.Exposure) error {
				if e.State != exposure.Merged {
					found[e.ID] = e
				}
				return nil
			})
			if err != nil {
				return fault.Wrap(fault.KindOf(err), err, "reading the exposures that statements speak of")
			}
		}
		if err := j.overlay(ctx, found); err != nil {
			return err
		}
	}
	return nil
}

// overlay lays statements over exposures. What is said of an exposure's other
// vulnerabilities is read too: the overlay is made whole each time.
func (j *job) overlay(ctx context.Context, found map[exposure.ID]exposure.Exposure) error {
	if len(found) == 0 {
		return nil
	}
	assets := map[asset.ID]struct{}{}
	names := map[string]bool{}
	for id := range found {
		e := found[id]
		assets[e.Asset] = struct{}{}
		for _, name := range exposure.Vulnerabilities(e.Findings) {
			names[name] = true
		}
	}
	if err := j.resolver.remember(ctx, assets); err != nil {
		return err
	}
	statements, err := j.store.StatementsAbout(ctx, slices.Sorted(maps.Keys(names)))
	if err != nil {
		return fault.Wrap(fault.KindOf(err), err, "reading statements")
	}
	edits := make(map[exposure.ID]edit, len(found))
	for id := range found {
		edits[id] = func(e exposure.Exposure) (exposure.Exposure, bool) {
			return exposure.Overlay(e, j.resolver.assets[e.Asset], statements)
		}
	}
	_, err = j.edit(ctx, edits)
	return err
}

// readStatements finds what is said of the vulnerabilities of a batch, once for each.
func (j *job) readStatements(ctx context.Context, work []pending) error {
	if !j.stating.looked {
		mark, err := j.readMark(ctx)
		if err != nil {
			return err
		}
		j.stating.mark, j.stating.looked = mark, true
	}
	if len(j.stating.about) > j.known {
		clear(j.stating.about)
	}
	fresh := map[string]bool{}
	for i := range work {
		for _, name := range exposure.Vulnerabilities(work[i].findings) {
			if _, asked := j.stating.about[name]; !asked {
				fresh[name] = true
			}
		}
	}
	if j.stating.mark == "" { // nobody has said anything, ever; somebody may before this report ends
		for name := range fresh {
			j.stating.about[strings.Clone(name)] = nil
		}
		return nil
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(fresh)), 500) {
		statements, err := j.store.StatementsAbout(ctx, chunk)
		if err != nil {
			return fault.Wrap(fault.KindOf(err), err, "reading statements")
		}
		for _, name := range chunk {
			j.stating.about[strings.Clone(name)] = nil
		}
		for _, s := range statements {
			for _, name := range s.Names() {
				if fresh[name] {
					j.stating.about[name] = append(j.stating.about[name], s)
				}
			}
		}
	}
	return nil
}

func (j *job) readMark(ctx context.Context) (string, error) {
	raw, err := j.store.Setting(ctx, statedKey)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return "", fault.Wrap(fault.KindOf(err), err, "reading whether statements changed")
	}
	return string(raw), nil
}

// stated lays over an exposure what is known to be said of it.
func (j *job) stated(e exposure.Exposure) (exposure.Exposure, bool) {
	if j.stating.mark == "" && len(e.Stated) == 0 {
		return e, false
	}
	var statements []exposure.Statement
	for _, name := range exposure.Vulnerabilities(e.Findings) {
		known, asked := j.stating.about[name]
		if !asked && len(e.Stated) > 0 {
			return e, false // another source's vulnerability, of which this report knows nothing
		}
		for _, s := range known {
			if !slices.ContainsFunc(statements, func(o exposure.Statement) bool { return o.ID == s.ID && o.Source == s.Source }) {
				statements = append(statements, s)
			}
		}
	}
	return exposure.Overlay(e, j.resolver.assets[e.Asset], statements)
}
