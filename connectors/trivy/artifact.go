package trivy

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/asset"
	"github.com/quellsec/quell/internal/exposure"
)

// describe describes the scanned artifact, once.
func (d *decoding) describe() *asset.Description {
	if d.asset != nil {
		return d.asset
	}
	rep := &d.report
	name := connectors.Ident(cmp.Or(d.config.Artifact, rep.name, d.legacyName()))
	a := &asset.Description{Kind: asset.Repository, Name: cmp.Or(name, Name+" artifact"), OS: rep.os, SeenAt: rep.created}
	switch rep.kind {
	case "container_image":
		a.Kind = asset.ContainerImage
		a.Identifiers = imageIdentifiers(rep)
	case "repository":
		if repo := repositoryName(cmp.Or(rep.repoURL, rep.name)); repo != "" {
			a.Identifiers = []asset.Identifier{{Kind: asset.RepositoryName, Value: repo}}
		}
	case "vm", "aws_account":
		a.Kind = asset.Host
	case "":
		if connectors.System(d.current.kind) {
			a.Kind = asset.ContainerImage
		}
	}
	if len(a.Identifiers) == 0 || d.config.Artifact != "" {
		a.Identifiers = append(a.Identifiers, asset.Identifier{Kind: asset.Label, Scope: d.source, Value: a.Name})
	}
	d.asset = a
	return a
}

// imageIdentifiers are the digests of an image: that of its manifest in a registry, and
// that of its configuration, which Docker calls the image's ID. Each is unique, but one
// is never the other.
func imageIdentifiers(rep *report) []asset.Identifier {
	var out []asset.Identifier
	if len(rep.repoDigests) > 0 {
		if _, digest, ok := strings.Cut(rep.repoDigests[0], "@"); ok && isDigest(digest) {
			out = append(out, asset.Identifier{Kind: asset.ImageDigest, Value: digest})
		}
	}
	if isDigest(rep.imageID) {
		out = append(out, asset.Identifier{Kind: asset.ImageDigest, Scope: "config", Value: rep.imageID})
	}
	return out
}

func isDigest(text string) bool {
	sum, ok := strings.CutPrefix(text, "sha256:")
	const hexLen = 64
	return ok && len(sum) == hexLen && strings.Trim(sum, "0123456789abcdef") == ""
}

// repositoryName gives host/owner/name of an address of a repository; empty for a path.
func repositoryName(address string) string {
	if rest, ok := strings.CutPrefix(address, "git@"); ok { // git@host:owner/name
		address = "ssh://" + strings.Replace(rest, ":", "/", 1)
	}
	if !strings.Contains(address, "://") {
		host, _, _ := strings.Cut(address, "/")
		if host != "github.com" && host != "gitlab.com" && host != "bitbucket.org" {
			return ""
		}
	}
	a := connectors.ParseAddress(address)
	path := strings.Trim(strings.TrimSuffix(strings.Trim(a.Path, "/"), ".git"), "/")
	if a.Host == "" || path == "" {
		return ""
	}
	return connectors.Ident(a.Host + "/" + strings.ToLower(path))
}

// legacyName is the artifact's name as the legacy format gives it away: "image (os)".
func (d *decoding) legacyName() string {
	name, _, _ := strings.Cut(d.current.target, " (")
	return name
}

// checks are those which the report can vouch for: of the scanners that are said to have
// run, those that have left a trace, as an artifact that could not be taken apart has none.
func (d *decoding) checks() []string {
	var out []string
	for _, scanner := range d.config.Scanners {
		ran := false
		switch scanner {
		case vulnScanner:
			ran = d.classes["os-pkgs"] || d.classes["lang-pkgs"]
			if d.report.os != "" && !d.classes["os-pkgs"] {
				ran = false // the system was recognised, its packages were not
			}
		case misconfigScanner:
			ran = d.classes["config"]
		case licenseScanner:
			ran = d.classes["license"] || d.classes["license-file"]
		case secretScanner:
			ran = true // it only writes what it finds
		}
		if ran {
			out = append(out, Name+":"+scanner+":*")
		}
	}
	return out
}

// tellCoverage says that the artifact was looked at.
func (d *decoding) tellCoverage() error {
	if !d.r.OK() || d.legacy && d.results == 0 {
		return nil
	}
	return d.sink.Cover(exposure.Coverage{Asset: *d.describe(), Outcome: exposure.TargetOK, CheckedAt: d.report.created})
}

// run says what is known of the run.
func (d *decoding) run() exposure.Run {
	rep := &d.report
	run := exposure.Run{
		ID:        cmp.Or(connectors.Ident(rep.id), connectors.RunID(Name, rep.created, rep.created, connectors.Ident(rep.name), strconv.Itoa(d.findings))),
		Source:    d.source,
		Connector: Name,
		Kind:      exposure.RunFull,
		Started:   rep.created,
		Finished:  rep.created,
		Targets:   1,
		Counts:    map[string]int{"results": d.results, "findings": d.findings},
		Tool:      strings.TrimSpace(Name + " " + rep.tool),
	}
	if d.config.FullScan {
		run.Checks = d.checks()
	}
	switch {
	case d.r.Err() != nil:
		run.Why = "the report could not be read to its end"
	case !d.config.FullScan:
		run.Why = "whether a scan was filtered doesn't show in its report; see full_scan in the source's configuration"
	case d.legacy || rep.created.IsZero():
		run.Why = "the report does not say when the scan was"
	case d.results == 0:
		run.Why = "the report has no results: an artifact that could not be taken apart looks the same"
	default:
		run.Complete = true
	}
	return run
}
