package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quellsec/quell/internal/ingest"
	"github.com/quellsec/quell/internal/ownership"
	"github.com/quellsec/quell/internal/priority"
	"github.com/quellsec/quell/internal/scope"
)

// grounds are what a middling installation decides on: a few scopes that overlap, a
// routing tree, the default policy, and CISA's catalogue, or one of its size.
func grounds(now time.Time) (ingest.Grounds, error) {
	scopes, errs := scope.Compile([]scope.Scope{
		{Name: "datacenter", Include: []scope.Rule{{Network: "10.0.0.0/8"}}, Owner: "platform", MissionImpact: scope.ImpactMedium, Internet: "no"},
		{Name: "shop", Include: []scope.Rule{{Name: "host-1*.bench.example.com"}}, Owner: "shop", MissionImpact: scope.ImpactHigh, Internet: "yes",
			Engagement: &scope.Engagement{Probe: true, Consent: "the owner of this benchmark", Networks: []string{"10.0.0.0/8"}}},
		{Name: "office", Include: []scope.Rule{{Network: "10.0.8.0/21"}}, Exclude: []scope.Rule{{Name: "printer-*"}}, MissionImpact: scope.ImpactLow, Internet: "no", Tolerance: "track_star"},
	})
	if len(errs) > 0 {
		return ingest.Grounds{}, fmt.Errorf("making scopes: %w", errors.Join(errs...))
	}
	owners, errs := ownership.Compile(ownership.Config{
		Teams: []ownership.Team{{Name: "platform"}, {Name: "shop", Aliases: []string{"shop-*"}}, {Name: "linux"}, {Name: "web"}},
		Route: ownership.Node{Children: []ownership.Node{
			{Match: []string{"name=host-1?.bench.example.com"}, Team: "web"},
			{Match: []string{"scope=shop"}, Team: "shop", Children: []ownership.Node{{Match: []string{"severity=critical"}, Team: "web"}}},
			{Match: []string{"os=linux*"}, Team: "linux"},
		}},
	})
	if len(errs) > 0 {
		return ingest.Grounds{}, fmt.Errorf("making owners: %w", errors.Join(errs...))
	}
	kev, err := catalogue(now)
	if err != nil {
		return ingest.Grounds{}, err
	}
	return ingest.Grounds{Policy: priority.DefaultPolicy(), Intel: priority.NewIntel(kev, now, nil, nil), Scopes: scopes, Owners: owners}, nil
}

// catalogue reads CISA's catalogue where the samples are at hand, else makes one of 1,400
// entries.
func catalogue(now time.Time) (*priority.KEV, error) {
	body, err := os.ReadFile(filepath.Join("..", "shared", "samples", "kev", "known_exploited_vulnerabilities.json"))
	if errors.Is(err, fs.ErrNotExist) {
		body, err = generatedKEV(now)
	}
	if err != nil {
		return nil, fmt.Errorf("reading a KEV catalogue: %w", err)
	}
	return priority.ReadKEV(bytes.NewReader(body))
}

func generatedKEV(now time.Time) ([]byte, error) {
	const entries = 1400
	list := make([]map[string]string, entries)
	for i := range list {
		list[i] = map[string]string{"cveID": fmt.Sprintf("CVE-2023-%d", 10000+100*i), "dateAdded": "2023-06-01", "dueDate": "2023-06-22", "knownRansomwareCampaignUse": "Unknown"}
	}
	return json.Marshal(map[string]any{"title": "generated", "catalogVersion": "2023.06.01", "dateReleased": now.Format(time.RFC3339), "count": entries, "vulnerabilities": list})
}
