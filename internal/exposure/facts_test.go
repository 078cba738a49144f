package exposure_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

var host = asset.Asset{ID: "01ASSET", Name: "web1.example.com", Kind: asset.Host}

func seen(e exposure.Exposure, source, run string, at time.Time, findings ...exposure.Finding) (exposure.Exposure, bool) {
	return exposure.Refresh(e, exposure.RefreshInput{Asset: host, Source: source, Run: run, CheckedAt: at, At: at, Findings: findings})
}

func TestAReportRefreshesWhatItsSourceOwnsAndNothingElse(t *testing.T) {
	e := born("nessus:1", "")
	e.Owner.Team, e.Due, e.Ticket = "payments", epoch.Add(time.Hour), "QT-1"
	f := exposure.Finding{UID: "1", Check: "nessus:1", Title: "worse than thought", Severity: exposure.SeverityCritical, CVEs: []string{"CVE-2024-1"}, Status: exposure.StatusOpen}
	got, changed := seen(e, "b", "run-b", epoch.Add(time.Hour), f)
	require.True(t, changed)
	require.Equal(t, exposure.SeverityCritical, got.Severity)
	require.Equal(t, "worse than thought", got.Title)
	require.Equal(t, []string{"a", "b"}, got.Sources)
	require.Len(t, got.Findings, 2, "another source's finding stays")
	require.Equal(t, epoch, got.FirstSeen)
	require.Equal(t, epoch.Add(time.Hour), got.LastSeen)
	require.Equal(t, "payments", got.Owner.Team)
	require.Equal(t, "QT-1", got.Ticket)
	require.Equal(t, e.State, got.State)
	require.Equal(t, e.Version, got.Version, "the writer counts the version")

	same, changed := seen(got, "b", "run-b", epoch.Add(time.Hour), f)
	require.False(t, changed, "the same report again changes nothing")
	require.Equal(t, got, same)
	_, changed = seen(got, "b", "run-0", epoch, exposure.Finding{UID: "1", Title: "old news"})
	require.False(t, changed, "an older run is history")

	more, _ := seen(got, "b", "run-b", epoch.Add(time.Hour), exposure.Finding{UID: "2", Title: "second delivery of the run"})
	require.Len(t, more.Findings, 3, "a run may come in several deliveries")
	next, _ := seen(more, "b", "run-c", epoch.Add(2*time.Hour), f)
	require.Len(t, next.Findings, 2, "a newer run replaces")
	require.Equal(t, epoch.Add(time.Hour), next.Findings[1].FirstSeen, "since when is kept")
}

func TestTheSourcesStatusIsPresenceOnlyWhenItSaysFixed(t *testing.T) {
	for status, want := range map[exposure.Status]exposure.PresenceStatus{
		exposure.StatusOpen: exposure.Observed, exposure.StatusFixed: exposure.VerifiedAbsent,
		exposure.StatusSuppressed: exposure.Observed, exposure.StatusNotAffected: exposure.NotObserved,
		exposure.StatusGone: exposure.NotObserved, exposure.StatusExpired: exposure.NotObserved, exposure.StatusArchived: exposure.NotObserved,
	} {
		t.Run(string(status), func(t *testing.T) {
			e, _ := seen(born("nessus:1", ""), "a", "run-2", epoch.Add(time.Hour), exposure.Finding{UID: "1", Status: status})
			require.Equal(t, want, e.Presence.Status)
			_, proven := exposure.AbsenceProof(e)
			require.Equal(t, status == exposure.StatusFixed, proven)
		})
	}
}

func TestPresenceIsOneWordForAllSources(t *testing.T) {
	for _, c := range []struct {
		name   string
		sights []exposure.PresenceStatus
		want   exposure.PresenceStatus
	}{
		{"observed while any source observes it", []exposure.PresenceStatus{exposure.VerifiedAbsent, exposure.Observed}, exposure.Observed},
		{"absent only when every source has verified it", []exposure.PresenceStatus{exposure.VerifiedAbsent, exposure.VerifiedAbsent}, exposure.VerifiedAbsent},
		{"not absent while one didn't look", []exposure.PresenceStatus{exposure.VerifiedAbsent, exposure.NotCovered}, exposure.NotCovered},
		{"the most that the undecided know", []exposure.PresenceStatus{exposure.NotCovered, exposure.NotObserved, exposure.Unreachable}, exposure.NotObserved},
	} {
		t.Run(c.name, func(t *testing.T) {
			sights := make([]exposure.Sight, 0, len(c.sights))
			for i, p := range c.sights {
				sights = append(sights, exposure.Sight{Source: fmt.Sprint(i), Presence: p, CheckedAt: epoch})
			}
			require.Equal(t, c.want, exposure.PresenceOf(sights).Status)
		})
	}
}

func TestOnlyALookThatCoversProvesAbsence(t *testing.T) {
	full := exposure.Run{Kind: exposure.RunFull, Complete: true, Checks: []string{"nessus:*", "nmap:ssl-cert"}}
	ok := exposure.Coverage{Outcome: exposure.TargetOK}
	ports := exposure.Coverage{Outcome: exposure.TargetOK, Locations: []string{"22/tcp", "1-1024/tcp", "app/package-lock.json", "src/*"}}
	for _, c := range []struct {
		name            string
		run             func(*exposure.Run)
		cov             exposure.Coverage
		check, location string
		want            exposure.PresenceStatus
	}{
		{"a complete run", nil, ok, "nessus:57582", "443/tcp", exposure.VerifiedAbsent},
		{"an exact check", nil, ok, "nmap:ssl-cert", "", exposure.VerifiedAbsent},
		{"a check that did not run", nil, ok, "nmap:ssl-poodle", "", exposure.NotCovered},
		{"a run that doesn't know its checks", func(r *exposure.Run) { r.Checks = nil }, ok, "nessus:1", "", exposure.NotCovered},
		{"a port in a range", nil, ports, "nessus:1", "443/tcp", exposure.VerifiedAbsent},
		{"the last port of a range", nil, ports, "nessus:1", "1024/tcp", exposure.VerifiedAbsent},
		{"a port outside", nil, ports, "nessus:1", "8443/tcp", exposure.NotCovered},
		{"the same port by UDP", nil, ports, "nessus:1", "443/udp", exposure.NotCovered},
		{"a file that was read", nil, ports, "nessus:1", "app/package-lock.json", exposure.VerifiedAbsent},
		{"a file under a folder that was read", nil, ports, "nessus:1", "src/a.go", exposure.VerifiedAbsent},
		{"the host itself where ports were looked at", nil, ports, "nessus:1", "", exposure.NotCovered},
		{"an unfinished run", func(r *exposure.Run) { r.Complete = false }, ok, "nessus:1", "", exposure.NotObserved},
		{"a partial run", func(r *exposure.Run) { r.Kind = exposure.RunPartial }, ok, "nessus:1", "", exposure.NotObserved},
		{"an event about something else", func(r *exposure.Run) { r.Kind = exposure.RunEvent }, ok, "nessus:1", "", exposure.NotCovered},
		{"a target looked at in part", nil, exposure.Coverage{Outcome: exposure.TargetPartial}, "nessus:1", "", exposure.NotObserved},
		{"a target that didn't answer", nil, exposure.Coverage{Outcome: exposure.TargetUnreachable}, "nessus:1", "", exposure.Unreachable},
		{"a target without an outcome", nil, exposure.Coverage{}, "nessus:1", "", exposure.NotObserved},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := full
			if c.run != nil {
				c.run(&r)
			}
			require.Equal(t, c.want, exposure.PresenceAfter(r, c.cov, c.check, c.location))
			require.Equal(t, c.want == exposure.VerifiedAbsent, r.Covers(c.cov, c.check, c.location))
		})
	}
}

func TestWhatASightingKnowsKeepsAnOlderCheckFromClosing(t *testing.T) {
	e := born("nessus:1", "")
	keys, err := exposure.PackKeys([]exposure.SeenKey{{ID: e.ID, Digest: 1}})
	require.NoError(t, err)
	rescan := exposure.Sighting{Source: "a", Asset: "01ASSET", Run: "run-2", CheckedAt: epoch.Add(2 * time.Hour), Keys: keys}
	verdict := &exposure.Verdict{Outcome: exposure.Refuted, CheckedAt: epoch.Add(time.Hour), Evidence: []string{"5e"}}
	proof := &exposure.Proof{Kind: exposure.ProofVerdict, Verdict: verdict}
	require.NoError(t, exposure.Validate(proof, e))
	require.Error(t, exposure.Validate(proof, exposure.Hydrate(e, rescan)))
	rescan.Keys = nil
	require.NoError(t, exposure.Validate(proof, exposure.Hydrate(e, rescan)), "a sighting without it says nothing")
}

func TestAMalformedEventIsInvalidWhoeverSendsIt(t *testing.T) {
	e := born("nessus:1", "")
	for name, ev := range map[string]exposure.Event{
		"an acceptance without an end":   {Kind: exposure.EventAccept, Exception: &exposure.Exception{Reason: "r"}},
		"an acceptance without a reason": {Kind: exposure.EventAccept, Exception: &exposure.Exception{Until: epoch.Add(time.Hour)}},
		"an end in the past":             {Kind: exposure.EventAccept, Exception: &exposure.Exception{Reason: "r", Until: epoch}},
		"an end that nothing can bring":  {Kind: exposure.EventDismiss, Exception: &exposure.Exception{Reason: "r", EndsOn: []string{"never"}}},
		"a verdict of another outcome":   {Kind: exposure.EventRefuted, Verdict: &exposure.Verdict{Outcome: exposure.Confirmed}},
		"an absence without a proof":     {Kind: exposure.EventAbsent},
		"a merge into itself":            {Kind: exposure.EventMerge, Data: map[string]string{exposure.DataMergedInto: string(e.ID)}},
		"an unmerge to nowhere":          {Kind: exposure.EventUnmerge, Data: map[string]string{exposure.DataTo: "elsewhere"}},
		"a due date that isn't one":      {Kind: exposure.EventNoted, Data: map[string]string{exposure.DataDue: "tomorrow"}},
		"an unknown kind":                {Kind: "vanished"},
		"a reason without end":           {Kind: exposure.EventNoted, Reason: strings.Repeat("x", 9000)},
		"a snooze without an end":        {Kind: exposure.EventSnoozed},
	} {
		t.Run(name, func(t *testing.T) {
			ev.At, ev.Cause, ev.Actor = epoch, "c", exposure.Actor{Kind: exposure.System, Name: "sweep"}
			after, step, err := exposure.Advance(e, ev)
			var invalid *exposure.InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, exposure.Refused, step.Outcome)
			require.Equal(t, e, after)
		})
	}
}

func TestARefusalSaysWhatStateItIsInAndWhatCanBeDone(t *testing.T) {
	e := born("nessus:1", "")
	e.State, e.ClosedAt = exposure.Closed, epoch
	_, _, err := exposure.Advance(e, exposure.Event{Kind: exposure.EventClaim, At: epoch, Cause: "c", Actor: exposure.Actor{Kind: exposure.Person, Name: "ann"}})
	var refused *exposure.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, exposure.Closed, refused.State)
	require.ErrorContains(t, err, "closed on 2026-03-01 with proof: it can be reopened")
}

func TestARefutedExposureStaysFalsePositiveUntilItsEvidenceChanges(t *testing.T) {
	e := born("nuclei:git-config", "https://web1.example.com/.git/config")
	prober := exposure.Actor{Kind: exposure.Prober, Name: "internet"}
	e, _, err := exposure.Advance(e, exposure.Event{Kind: exposure.EventAdmit, At: epoch, Cause: "1", Actor: prober})
	require.NoError(t, err)
	e, _, err = exposure.Advance(e, exposure.Event{Kind: exposure.EventRefuted, At: epoch.Add(time.Minute), Cause: "2", Actor: prober,
		Verdict: &exposure.Verdict{Outcome: exposure.Refuted, Reason: "404", CheckedAt: epoch.Add(time.Minute), Evidence: []string{"5e"}}})
	require.NoError(t, err)
	require.Equal(t, exposure.FalsePositive, e.State)
	require.Equal(t, []string{exposure.EndsOnEvidence}, e.Exception.EndsOn)
	require.Equal(t, exposure.EvidenceDigest(e), e.Exception.Digest)
}

func TestReplayFindsEveryTampering(t *testing.T) {
	e := born("nessus:1", "")
	events := append(make([]exposure.Event, 0, 4), e.LastEvent)
	for i, kind := range []exposure.EventKind{exposure.EventAdmit, exposure.EventClaim, exposure.EventVerify} {
		var err error
		e, _, err = exposure.Advance(e, exposure.Event{Kind: kind, At: epoch, Cause: fmt.Sprint(i), Actor: exposure.Actor{Kind: exposure.System, Name: "x"}, Reason: "as a test"})
		require.NoError(t, err)
		events = append(events, e.LastEvent)
	}
	rehash := func(evs []exposure.Event, from int) {
		for i := from; i < len(evs); i++ {
			if i > 0 {
				evs[i].Prev = evs[i-1].Hash
			}
			evs[i].Hash = evs[i].Digest()
		}
	}
	for name, tamper := range map[string]func([]exposure.Event) []exposure.Event{
		"a changed reason": func(evs []exposure.Event) []exposure.Event { evs[2].Reason = "another"; return evs },
		"a changed reason, rehashed": func(evs []exposure.Event) []exposure.Event {
			evs[2].Reason = "another"
			evs[2].Hash = evs[2].Digest()
			return evs
		},
		"a dropped event":                func(evs []exposure.Event) []exposure.Event { return append(evs[:1], evs[2:]...) },
		"a dropped first event":          func(evs []exposure.Event) []exposure.Event { return evs[1:] },
		"another exposure's event":       func(evs []exposure.Event) []exposure.Event { evs[1].Exposure = "other"; rehash(evs, 1); return evs },
		"a move that isn't in the table": func(evs []exposure.Event) []exposure.Event { evs[3].To = exposure.Closed; rehash(evs, 3); return evs },
		"a close on an empty proof": func(evs []exposure.Event) []exposure.Event {
			evs[3].Kind, evs[3].To, evs[3].Proof = exposure.EventAbsent, exposure.Closed, &exposure.Proof{Kind: exposure.ProofAbsence}
			rehash(evs, 3)
			return evs
		},
		"an exception without an end": func(evs []exposure.Event) []exposure.Event {
			evs[3].Kind, evs[3].To = exposure.EventAccept, exposure.Accepted
			rehash(evs, 3)
			return evs
		},
		"no events": func([]exposure.Event) []exposure.Event { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := exposure.Replay(tamper(append([]exposure.Event(nil), events...)))
			require.Error(t, err)
		})
	}
	state, err := exposure.Replay(events)
	require.NoError(t, err)
	require.Equal(t, exposure.Verifying, state)
}

func TestTextThatIsNotUTF8HashesAsItIsStored(t *testing.T) {
	e, _, err := exposure.Advance(born("nessus:1", ""), exposure.Event{Kind: exposure.EventNoted, At: epoch.Add(999), Cause: "c", Reason: "a\xffb",
		Actor: exposure.Actor{Kind: exposure.System, Name: "x"}})
	require.NoError(t, err)
	require.Equal(t, "a\ufffdb", e.LastEvent.Reason)
	require.Equal(t, e.Head, e.LastEvent.Digest())
	require.Equal(t, epoch, e.LastEvent.At, "whole milliseconds")
}

func TestPackedKeysComeBackSortedAndTheirDifferenceIsExact(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) exposure.SeenKey {
		return exposure.SeenKey{ID: exposure.NewID("a", "w", fmt.Sprint(rapid.IntRange(0, 12).Draw(t, "exposure"))), Digest: rapid.Uint64Range(0, 3).Draw(t, "digest")}
	})
	keys := rapid.SliceOfNDistinct(key, 0, 12, func(k exposure.SeenKey) exposure.ID { return k.ID })
	rapid.Check(t, func(rt *rapid.T) {
		oldKeys, newKeys := keys.Draw(rt, "old"), keys.Draw(rt, "new")
		before, err := exposure.PackKeys(oldKeys)
		require.NoError(rt, err)
		after, err := exposure.PackKeys(newKeys)
		require.NoError(rt, err)
		back, err := exposure.UnpackKeys(after)
		require.NoError(rt, err)
		require.ElementsMatch(rt, newKeys, back)

		want, got := map[exposure.ID]exposure.KeyChange{}, map[exposure.ID]exposure.KeyChange{}
		was := map[exposure.ID]uint64{}
		for _, k := range oldKeys {
			was[k.ID], want[k.ID] = k.Digest, exposure.KeyRemoved
			require.True(rt, exposure.HasKey(before, k.ID))
		}
		same := 0
		for _, k := range newKeys {
			digest, had := was[k.ID]
			switch {
			case !had:
				want[k.ID] = exposure.KeyAdded
			case digest != k.Digest:
				want[k.ID] = exposure.KeyChanged
			default:
				delete(want, k.ID)
				same++
			}
			require.Equal(rt, had, exposure.HasKey(before, k.ID))
		}
		d := exposure.DiffKeys(before, after, func(c exposure.KeyChange, k exposure.SeenKey) { got[k.ID] = c })
		require.Equal(rt, want, got)
		require.Equal(rt, same, d.Same)
		require.Equal(rt, len(want), d.Added+d.Changed+d.Removed)
	})
}

func TestKeysOfOneExposureBecomeOneWhateverTheirOrder(t *testing.T) {
	id := exposure.NewID("a", "w", "")
	one, err := exposure.PackKeys([]exposure.SeenKey{{ID: id, Digest: 7}, {ID: id, Digest: 9}})
	require.NoError(t, err)
	two, err := exposure.PackKeys([]exposure.SeenKey{{ID: id, Digest: 9}, {ID: id, Digest: 7}})
	require.NoError(t, err)
	require.Equal(t, one, two)
	require.Len(t, one, 24)
	_, err = exposure.PackKeys([]exposure.SeenKey{{ID: "not one of ours"}})
	require.Error(t, err)
}

func FuzzUnpackKeys(f *testing.F) {
	good, err := exposure.PackKeys([]exposure.SeenKey{{ID: exposure.NewID("a", "b", "c"), Digest: 1}, {ID: exposure.NewID("a", "b", "d"), Digest: 2}})
	require.NoError(f, err)
	f.Add(good)
	f.Add(good[:30])
	f.Fuzz(func(t *testing.T, b []byte) {
		exposure.DiffKeys(b, good, nil)
		exposure.HasKey(b, exposure.NewID("a", "b", "c"))
		keys, err := exposure.UnpackKeys(b)
		if err != nil {
			return
		}
		again, err := exposure.PackKeys(keys)
		require.NoError(t, err)
		require.Equal(t, b, again)
	})
}

func TestTheDigestSeesEveryChangeButDates(t *testing.T) {
	f := exposure.Finding{UID: "1", Check: "nessus:1", Title: "t", Severity: exposure.SeverityHigh, CVEs: []string{"CVE-2024-1", "CVE-2024-2"}, Tags: []string{"x"}}
	for name, change := range map[string]func(*exposure.Finding){
		"title": func(f *exposure.Finding) { f.Title = "u" }, "severity": func(f *exposure.Finding) { f.Severity = exposure.SeverityLow },
		"a CVE less": func(f *exposure.Finding) { f.CVEs = f.CVEs[:1] }, "text that moved to the next field": func(f *exposure.Finding) { f.Check, f.Title = "nessus:", "1t" },
		"score": func(f *exposure.Finding) { f.CVSS = []exposure.CVSS{{Score: 9.8}} }, "package": func(f *exposure.Finding) { f.Package = &exposure.Package{} },
		"status": func(f *exposure.Finding) { f.Status = exposure.StatusFixed }, "epss": func(f *exposure.Finding) { f.EPSS = 0.1 },
		"vendor": func(f *exposure.Finding) { f.Vendor = []byte(`{}`) }, "evidence": func(f *exposure.Finding) { f.Evidence = "e" },
	} {
		t.Run(name, func(t *testing.T) {
			g := f
			change(&g)
			require.NotEqual(t, exposure.FindingDigest(f), exposure.FindingDigest(g))
		})
	}
	g := f
	g.FirstSeen, g.LastSeen = epoch, epoch
	require.Equal(t, exposure.FindingDigest(f), exposure.FindingDigest(g))
	require.Equal(t, uint64(0xe7ea840bca0f1e04), exposure.FindingDigest(f), "a digest that changes between releases refreshes everything")
}

func TestEachExposureSaysHowItCanBeVerified(t *testing.T) {
	named := asset.Asset{Kind: asset.Host, Identifiers: []asset.Known{{Identifier: asset.Identifier{Kind: asset.FQDN, Value: "web1.example.com"}}}}
	for _, c := range []struct {
		name  string
		asset asset.Asset
		f     exposure.Finding
		want  exposure.Verification
	}{
		{"a nuclei finding by its own template", host, exposure.Finding{Check: "nuclei:git-config", Target: "https://a.example/.git/config"}, exposure.Verification{Method: exposure.MethodTemplate, Check: "git-config", Target: "https://a.example/.git/config"}},
		{"an open port by a connect", host, exposure.Finding{Check: "nmap:open-port", Target: "a.example:23"}, exposure.Verification{Method: exposure.MethodConnect, Target: "a.example:23"}},
		{"a TLS weakness by a handshake", named, exposure.Finding{Check: "nessus:104743", Location: "8443/tcp"}, exposure.Verification{Method: exposure.MethodTLS, Check: exposure.TLSVersion10, Target: "web1.example.com:8443"}},
		{"a missing header by a request", host, exposure.Finding{Check: "generic:hdr", Title: "Missing X-Frame-Options header", Target: "https://a.example/"}, exposure.Verification{Method: exposure.MethodHTTPHeader, Check: "X-Frame-Options", Target: "https://a.example/"}},
		{"several missing headers by a run", host, exposure.Finding{Check: "generic:hdr", Title: "Missing X-Frame-Options and Referrer-Policy", Target: "https://a.example/"}, exposure.Verification{Method: exposure.MethodCoveringRun}},
		{"a CVE on a port by a template that claims it", named, exposure.Finding{Check: "nessus:1", CVEs: []string{"CVE-2024-1"}, Location: "80/tcp"}, exposure.Verification{Method: exposure.MethodCVETemplate, Check: "CVE-2024-1", Target: "web1.example.com:80"}},
		{"a CVE found on the host itself by a run", named, exposure.Finding{Check: "nessus:1", CVEs: []string{"CVE-2024-1"}, Location: "0/tcp"}, exposure.Verification{Method: exposure.MethodCoveringRun}},
		{"several CVEs by a run, since refuting one refutes not all", named, exposure.Finding{Check: "nessus:1", CVEs: []string{"CVE-2024-1", "CVE-2024-2"}, Location: "80/tcp"}, exposure.Verification{Method: exposure.MethodCoveringRun}},
		{"a package by a run", named, exposure.Finding{Check: "trivy:CVE-2024-1", CVEs: []string{"CVE-2024-1"}, Target: "https://a.example", Package: &exposure.Package{Name: "openssl"}}, exposure.Verification{Method: exposure.MethodCoveringRun}},
		{"a cloud setting by a run", asset.Asset{Kind: asset.CloudResource}, exposure.Finding{Check: "cis-aws:2.1.1", CVEs: []string{"CVE-2024-1"}, Target: "https://a.example"}, exposure.Verification{Method: exposure.MethodCoveringRun}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, exposure.VerificationOf(c.asset, []exposure.Finding{c.f}))
		})
	}
}

func TestWhatMendsAFindingIsItsFix(t *testing.T) {
	for _, c := range []struct{ name, purl, want string }{
		{"a package whatever its version", "pkg:deb/debian/openssl@3.0.1?arch=amd64", "pkg:deb/debian/openssl"},
		{"a scoped npm package", "pkg:npm/%40babel/core@7.1#lib", "pkg:npm/%40babel/core"},
		{"a scoped npm package written plainly", "pkg:npm/@babel/core@7.1", "pkg:npm/@babel/core"},
		{"a scoped npm package without a version", "pkg:npm/@babel", "pkg:npm/@babel"},
		{"no purl but a name", "", "pkg:openssl"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, exposure.FixOf(exposure.Finding{Check: "trivy:x", Package: &exposure.Package{Name: "openssl", PURL: c.purl}}))
		})
	}
	require.Equal(t, "CVE-2024-1", exposure.FixOf(exposure.Finding{Check: "nessus:1", CVEs: []string{"CVE-2024-1"}}))
	require.Equal(t, "nessus:1", exposure.WeaknessOf(exposure.Finding{Check: "nessus:1", CVEs: []string{"CVE-2024-1", "CVE-2024-2"}}))
}

func TestTheTableReadsAsMarkdown(t *testing.T) {
	md := exposure.Markdown(exposure.Table())
	require.Contains(t, md, "| discovered | – | tracked |  |\n")
	require.Contains(t, md, "| demote | validating, open | tracked | no ticket, or it gives its place to more urgent work before anybody began |\n")
}
