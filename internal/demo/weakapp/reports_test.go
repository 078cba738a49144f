package weakapp_test

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/quellsec/quell/internal/demo/weakapp"
)

// claimedCVE is the one that a template claims and the later catalogue adds.
const claimedCVE = "CVE-2023-28432"

// match is what the tests need of one line of a nuclei report.
type match struct {
	Template string `json:"template-id"`
	Host     string `json:"host"`
	Port     string `json:"port"`
}

func matches(t *testing.T, name string) []match {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "testdata", name))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	var list []match
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m match
		require.NoError(t, json.Unmarshal(lines.Bytes(), &m))
		list = append(list, m)
	}
	require.NoError(t, lines.Err())
	return list
}

func templateIDs(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "templates", "*.yaml"))
	require.NoError(t, err)
	ids := make([]string, 0, len(paths))
	claims := 0
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		var template struct {
			ID   string `yaml:"id"`
			Info struct {
				Classification struct {
					CVE string `yaml:"cve-id"`
				} `yaml:"classification"`
			} `yaml:"info"`
		}
		require.NoError(t, yaml.Unmarshal(raw, &template))
		require.Equal(t, "quell-demo-"+strings.TrimSuffix(filepath.Base(path), ".yaml"), template.ID)
		ids = append(ids, template.ID)
		if cve := template.Info.Classification.CVE; cve != "" {
			require.Equal(t, claimedCVE, cve)
			claims++
		}
	}
	require.Equal(t, 1, claims)
	return ids
}

func TestTheKeptNucleiReportsNameEachTemplateAndOnlyFixedAddresses(t *testing.T) {
	fixed := weakapp.Fixed()
	listening := []string{fixed.Portal, fixed.PortalTLS, fixed.Files, fixed.Console}

	templates := func(report string) []string {
		found := matches(t, report)
		ids := make([]string, 0, len(found))
		for _, m := range found {
			require.Contains(t, listening, m.Host+":"+m.Port)
			ids = append(ids, m.Template)
		}
		return ids
	}
	require.ElementsMatch(t, templateIDs(t), templates("nuclei.jsonl"))
	require.ElementsMatch(t, []string{
		"quell-demo-open-admin", "quell-demo-missing-headers", "quell-demo-cluster-env",
	}, templates("nuclei-after.jsonl"))
}

func TestTheKeptNmapReportsShowTheConsolePortOpenAndThenClosed(t *testing.T) {
	open := func(name string) []string {
		raw, err := os.ReadFile(filepath.Join("..", "testdata", name))
		require.NoError(t, err)
		var run struct {
			Hosts []struct {
				Address struct {
					Addr string `xml:"addr,attr"`
				} `xml:"address"`
				Ports []struct {
					ID    int `xml:"portid,attr"`
					State struct {
						State string `xml:"state,attr"`
					} `xml:"state"`
				} `xml:"ports>port"`
			} `xml:"host"`
		}
		require.NoError(t, xml.Unmarshal(raw, &run))
		var list []string
		for _, host := range run.Hosts {
			for _, port := range host.Ports {
				if port.State.State == "open" {
					list = append(list, fmt.Sprintf("%s:%d", host.Address.Addr, port.ID))
				}
			}
		}
		return list
	}
	fixed := weakapp.Fixed()
	require.ElementsMatch(t, []string{fixed.Portal, fixed.PortalTLS, fixed.Files, fixed.Console}, open("nmap.xml"))
	require.ElementsMatch(t, []string{fixed.Portal, fixed.PortalTLS, fixed.Files}, open("nmap-after.xml"))
}

func TestTheLaterCatalogueAddsTheClaimedCVEAndNothingElse(t *testing.T) {
	known := func(name string) []string {
		raw, err := os.ReadFile(filepath.Join("..", "testdata", name))
		require.NoError(t, err)
		var catalogue struct {
			Count           int `json:"count"`
			Vulnerabilities []struct {
				CVE string `json:"cveID"`
			} `json:"vulnerabilities"`
		}
		require.NoError(t, json.Unmarshal(raw, &catalogue))
		require.Len(t, catalogue.Vulnerabilities, catalogue.Count)
		list := make([]string, 0, catalogue.Count)
		for _, v := range catalogue.Vulnerabilities {
			list = append(list, v.CVE)
		}
		slices.Sort(list)
		return list
	}
	before := known("kev-before.json")
	require.NotContains(t, before, claimedCVE)
	require.ElementsMatch(t, append(before, claimedCVE), known("kev-after.json"))
}
