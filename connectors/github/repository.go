package github

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/asset"
)

// named gives a repository that has a name: its own, the one in an alert's address
// (https://api.github.com/repos/OWNER/NAME/…), or the configured one.
func (d *decoding) named(repo *repository, address string) *repository {
	if repo == nil {
		repo = &repository{}
	}
	if repo.FullName != "" {
		return repo
	}
	host, full := "github.com", d.config.Repository
	if _, path, ok := strings.Cut(address, "/repos/"); ok {
		if parts := strings.SplitN(path, "/", 3); len(parts) == 3 {
			full = parts[0] + "/" + parts[1]
		}
		if at := connectors.ParseAddress(address); at.Host != "" && at.Host != "api.github.com" {
			host = at.HostPort()
		}
	}
	if full != "" {
		repo.FullName = text(full)
		repo.HTMLURL = text("https://" + host + "/" + full)
	}
	return repo
}

// describe makes the description of a repository. Its number stays when it is renamed or
// transferred; its name is what other sources know.
func describe(repo *repository, action string) *asset.Description {
	desc := &asset.Description{Kind: asset.Repository, Name: connectors.Ident(repo.FullName.String()), Tags: map[string]string{}}
	if id := connectors.Ident(repo.ID.String()); id != "" {
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.SourceAssetID, Value: id})
	}
	at := connectors.ParseAddress(repo.HTMLURL.String())
	switch {
	case at.Host != "" && strings.Contains(strings.Trim(at.Path, "/"), "/"):
		host := at.Host
		if at.Port != "443" && at.Port != "80" {
			host = at.HostPort()
		}
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.RepositoryName, Value: connectors.Ident(host + at.Path)})
		desc.Name = cmp.Or(desc.Name, connectors.Ident(strings.Trim(at.Path, "/")))
	case strings.Contains(desc.Name, "/"):
		desc.Identifiers = append(desc.Identifiers, asset.Identifier{Kind: asset.RepositoryName, Value: "github.com/" + desc.Name})
	case len(desc.Identifiers) == 0: // an answer that says less than this
		desc.Name = cmp.Or(desc.Name, "unnamed repository")
		desc.Identifiers = []asset.Identifier{{Kind: asset.Label, Value: desc.Name}}
	}
	desc.Name = cmp.Or(desc.Name, repo.ID.String())
	tags(desc, repo)
	desc.Gone = action == "deleted"
	return desc
}

func tags(desc *asset.Description, repo *repository) {
	visibility := strings.ToLower(repo.Visibility.String())
	if visibility == "" && repo.Private != nil {
		visibility = map[bool]string{true: "private", false: "public"}[bool(*repo.Private)]
	}
	for key, value := range map[string]string{"visibility": visibility, "topics": strings.Join(repo.Topics, ", ")} {
		if value != "" {
			desc.Tags[key] = value
		}
	}
	if repo.Archived {
		desc.Tags["archived"] = "true"
	}
	for _, key := range slices.Sorted(maps.Keys(repo.Properties)) {
		value := strings.Join(repo.Properties[key], ", ")
		switch {
		case value == "":
		case connectors.OwnerTag(key):
			desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: value, From: "custom property " + key})
		default:
			desc.Tags[key] = value
		}
	}
	if login := repo.Owner.Login.String(); login != "" {
		desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: login, From: "repository owner"})
	}
}

// withAssignees adds the people to whom the alert was given.
func withAssignees(desc *asset.Description, a *alert) *asset.Description {
	for _, u := range a.Assignees {
		if u.Login != "" {
			desc.OwnerHints = append(desc.OwnerHints, asset.OwnerHint{Value: u.Login.String(), From: "assignee of alert " + a.Number.String()})
		}
	}
	return desc
}

// repository is a GraphQL repository in the words of the REST API.
func (n *node) repository() *repository {
	full := n.NameWithOwner.String()
	if full == "" && n.Owner.Login != "" {
		full = n.Owner.Login.String() + "/" + n.Name.String()
	}
	if full == "" {
		full = strings.Trim(connectors.ParseAddress(n.URL.String()).Path, "/")
	}
	return &repository{
		ID: n.DatabaseID, FullName: text(cmp.Or(full, n.Name.String())), HTMLURL: n.URL, Visibility: n.Visibility, Owner: n.Owner,
	}
}

// alert is a GraphQL alert in the words of the REST API.
func (n *alertNode) alert() *alert {
	advice := n.Advisory
	if advice.Summary == "" && len(advice.Identifiers) == 0 {
		advice = n.Vulnerability.Advisory
	}
	a := &alert{
		ID: n.ID, Number: n.Number, State: n.State, CreatedAt: n.CreatedAt, FixedAt: n.FixedAt, DismissedAt: n.DismissedAt,
		DismissedReason: n.DismissReason, DismissedComment: n.DismissComment, DismissedBy: n.Dismisser,
		Dependency: &dependency{Package: n.Vulnerability.Package, ManifestPath: n.ManifestPath, Scope: text(strings.ToLower(n.Scope.String()))},
		Advisory: &advisory{
			GHSA: advice.GHSA, Summary: advice.Summary, Description: advice.Description, Severity: advice.Severity,
			CVSS: score{advice.CVSS.Vector, advice.CVSS.Score}, Identifiers: advice.Identifiers, References: advice.References,
		},
	}
	a.Vulnerability.Package, a.Vulnerability.Severity, a.Vulnerability.Range = n.Vulnerability.Package, n.Vulnerability.Severity, n.Vulnerability.Range
	a.Vulnerability.Patched.Identifier = n.Vulnerability.Patched.Identifier
	if a.DismissedAt.IsZero() {
		a.DismissedAt = n.AutoDismissed
	}
	for _, cwe := range advice.CWEs.Nodes {
		a.Advisory.CWEs = append(a.Advisory.CWEs, struct {
			ID text `json:"cwe_id"`
		}{cwe.ID})
	}
	if advice.EPSS.Percentage.OK {
		a.Advisory.EPSS = append(a.Advisory.EPSS, struct {
			Percentage wire.Number `json:"percentage"`
		}{advice.EPSS.Percentage})
	}
	return a
}
