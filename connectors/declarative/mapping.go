package declarative

import (
	"maps"
	"reflect"
	"slices"
)

// Read says how a body is taken apart.
type Read struct {
	Format  string   `yaml:"format" json:"format,omitempty" doc:"json (JSON Lines too), xml or csv."`
	Items   string   `yaml:"items" json:"items,omitempty" doc:"Where the items are, as names with / between: data/findings. Lists on the way are gone through. XML begins at the root element. Empty: the document itself, each element of a list at the top, or each row."`
	Each    string   `yaml:"each" json:"each,omitempty" doc:"CEL giving a list, where one item holds several findings: each element becomes part."`
	Where   string   `yaml:"where" json:"where,omitempty" doc:"CEL; an item for which it is not true is no finding and no asset."`
	Columns []string `yaml:"columns" json:"columns,omitempty" doc:"Columns that a CSV must have, or it is refused."`
	Marks   []string `yaml:"marks" json:"marks,omitempty" doc:"Texts of which a body's first 8 KiB hold all, or it is refused."`
}

// Asset says which asset an item is about.
type Asset struct {
	Kind        string            `yaml:"kind" json:"kind,omitempty" doc:"host, cloud_resource, web_application, api, container_image, repository, saas_application, domain or identity; or CEL that gives one."`
	Name        string            `yaml:"name" json:"name,omitempty" doc:"CEL."`
	Identifiers map[string]string `yaml:"identifiers" json:"identifiers,omitempty" doc:"CEL by kind of identifier: cloud_resource, cloud_instance, agent, source_asset, bios_uuid, serial, image_digest, repository, url_origin, fqdn, mac, hostname, ip, label. Each gives a text or a list."`
	Scopes      map[string]string `yaml:"scopes" json:"scopes,omitempty" doc:"CEL for the scope of identifiers, by kind, where it isn't the usual one."`
	Tags        map[string]string `yaml:"tags" json:"tags,omitempty" doc:"CEL by name of the tag."`
	Owners      map[string]string `yaml:"owners" json:"owners,omitempty" doc:"CEL that gives clues to the owner, by where they come from: 'tag team'."`
	OS          string            `yaml:"os" json:"os,omitempty" doc:"CEL."`
	Internet    string            `yaml:"internet" json:"internet,omitempty" doc:"CEL: yes, no, or a truth value."`
	SeenAt      string            `yaml:"seen_at" json:"seen_at,omitempty" doc:"CEL."`
	Gone        string            `yaml:"gone" json:"gone,omitempty" doc:"CEL that is true where the source says that the asset exists no more."`
}

// Target says what the document as a whole looked at.
type Target struct {
	Asset     `yaml:",inline"`
	Outcome   string `yaml:"outcome" json:"outcome,omitempty" doc:"CEL: how the look at it went: ok, partial or unreachable. Empty: ok."`
	Locations string `yaml:"locations" json:"locations,omitempty" doc:"CEL giving texts: which locations of it were looked at, a * at the end standing for all that begin so: 443/tcp*. Empty: all of it."`
}

// Finding says what an item reports.
type Finding struct {
	Scheme       string            `yaml:"scheme" json:"scheme,omitempty" doc:"What stands before the check, so that no two tools' checks meet: 'nikto' makes nikto:999986."`
	Class        string            `yaml:"class" json:"class,omitempty" doc:"vulnerability, compliance, detection or secret; or CEL that gives one. Empty: vulnerability."`
	UID          string            `yaml:"uid" json:"uid,omitempty" doc:"CEL: the tool's own stable ID of the finding. Empty: made of check and location."`
	Check        string            `yaml:"check" json:"check,omitempty" doc:"CEL: the tool's ID of what was looked for. Without it there is no finding. One that has a scheme already, as in attack:T1059, keeps it."`
	Title        string            `yaml:"title" json:"title,omitempty" doc:"CEL. Empty: the check."`
	Description  string            `yaml:"description" json:"description,omitempty" doc:"CEL."`
	Remediation  string            `yaml:"remediation" json:"remediation,omitempty" doc:"CEL."`
	Severity     string            `yaml:"severity" json:"severity,omitempty" doc:"CEL: the tool's word or number."`
	Severities   map[string]string `yaml:"severities" json:"severities,omitempty" doc:"What the tool's words mean, in lower case: info, low, medium, high, critical. Those that mean what they say need no entry."`
	Status       string            `yaml:"status" json:"status,omitempty" doc:"CEL: the tool's word for the state of the finding."`
	Statuses     map[string]string `yaml:"statuses" json:"statuses,omitempty" doc:"What those words mean, in lower case: open, fixed, suppressed, not_affected, gone, expired, archived. One that isn't here means open. Only words that mean 'looked at again and gone' are fixed."`
	StatusNote   string            `yaml:"status_note" json:"status_note,omitempty" doc:"CEL. Empty: the word itself, where it doesn't mean open."`
	Without      []string          `yaml:"without" json:"without,omitempty" doc:"Fields of an item that needn't be kept with the finding, beyond those that are mapped as they are: Response.Body."`
	CVEs         string            `yaml:"cves" json:"cves,omitempty" doc:"CEL giving texts; the CVE numbers in them are taken."`
	CWEs         string            `yaml:"cwes" json:"cwes,omitempty" doc:"CEL giving texts or numbers; the CWE numbers in them are taken."`
	Advisories   string            `yaml:"advisories" json:"advisories,omitempty" doc:"CEL."`
	CVSSVector   string            `yaml:"cvss_vector" json:"cvss_vector,omitempty" doc:"CEL."`
	CVSSScore    string            `yaml:"cvss_score" json:"cvss_score,omitempty" doc:"CEL."`
	CVSSBy       string            `yaml:"cvss_by" json:"cvss_by,omitempty" doc:"CEL: who gave the score. Empty: the scheme."`
	EPSS         string            `yaml:"epss" json:"epss,omitempty" doc:"CEL: a probability from 0 to 1."`
	Exploit      string            `yaml:"exploit" json:"exploit,omitempty" doc:"CEL: poc or active."`
	Location     string            `yaml:"location" json:"location,omitempty" doc:"CEL: where on the asset, without anything that changes from scan to scan: 443/tcp, a path. location(url) makes it of a URL."`
	Address      string            `yaml:"address" json:"address,omitempty" doc:"CEL: the full address as it was probed."`
	Evidence     string            `yaml:"evidence" json:"evidence,omitempty" doc:"CEL. Credentials in it are hidden."`
	References   string            `yaml:"references" json:"references,omitempty" doc:"CEL giving texts."`
	Tags         string            `yaml:"tags" json:"tags,omitempty" doc:"CEL giving texts."`
	FirstSeen    string            `yaml:"first_seen" json:"first_seen,omitempty" doc:"CEL."`
	LastSeen     string            `yaml:"last_seen" json:"last_seen,omitempty" doc:"CEL. For what is fixed, the time of the check that found it so. Empty: when the run finished."`
	Package      string            `yaml:"package" json:"package,omitempty" doc:"CEL: name of the affected software."`
	PackageAt    string            `yaml:"package_version" json:"package_version,omitempty" doc:"CEL."`
	PackageFixed string            `yaml:"package_fixed_in" json:"package_fixed_in,omitempty" doc:"CEL."`
	PackagePURL  string            `yaml:"package_purl" json:"package_purl,omitempty" doc:"CEL: with version."`
	PackagePath  string            `yaml:"package_path" json:"package_path,omitempty" doc:"CEL: the file it was found in."`
}

// Run says what is known of the run that a document reports on.
type Run struct {
	Kind     string `yaml:"kind" json:"kind,omitempty" doc:"full, partial where a document holds what changed or a choice, or event where it is about single findings. Empty: full."`
	ID       string `yaml:"id" json:"id,omitempty" doc:"CEL. Empty: computed from what was reported."`
	Tool     string `yaml:"tool" json:"tool,omitempty" doc:"CEL: name and version."`
	Started  string `yaml:"started" json:"started,omitempty" doc:"CEL."`
	Finished string `yaml:"finished" json:"finished,omitempty" doc:"CEL."`
	Complete string `yaml:"complete" json:"complete,omitempty" doc:"CEL that is true where the document itself proves that the run ended well and left nothing out. Empty: never; then nothing is closed by its absence."`
	Why      string `yaml:"why" json:"why,omitempty" doc:"Plain text: what it means if complete is not true."`
	Checks   string `yaml:"checks" json:"checks,omitempty" doc:"CEL: which checks ran, with their scheme; a * at the end stands for all that begin so. Empty: unknown, and then nothing is closed by its absence."`
	Claimed  string `yaml:"claimed" json:"claimed,omitempty" doc:"CEL: how many items the source says there are. If it isn't what was received, the run is not complete."`
}

// Mapping is a whole description of a format: what a profile is, and what a source's own
// keys amend.
type Mapping struct {
	Title   string  `yaml:"title"`
	Read    Read    `yaml:"read"`
	Asset   Asset   `yaml:"asset"`
	Target  Target  `yaml:"target"`
	Finding Finding `yaml:"finding"`
	Run     Run     `yaml:"run"`
}

// overlay gives a mapping whose keys are those of base wherever own says nothing.
func overlay(base, own Mapping) Mapping {
	over(reflect.ValueOf(&base).Elem(), reflect.ValueOf(own))
	return base
}

func over(base, own reflect.Value) {
	switch own.Kind() {
	case reflect.Struct:
		for i := range own.NumField() {
			over(base.Field(i), own.Field(i))
		}
	case reflect.Map:
		if own.Len() == 0 {
			return
		}
		merged := map[string]string{}
		for _, m := range []reflect.Value{base, own} {
			for iter := m.MapRange(); iter.Next(); {
				merged[iter.Key().String()] = iter.Value().String()
			}
		}
		base.Set(reflect.ValueOf(merged))
	case reflect.String, reflect.Slice:
		if own.Len() > 0 {
			base.Set(own)
		}
	default: // a mapping has texts, lists and tables alone
	}
}

// written is one CEL text with the key that it stands under.
type written struct{ key, text string }

// tables gives the entries of a table of CEL texts, by key.
func tables(prefix string, table map[string]string) []written {
	out := make([]written, 0, len(table))
	for _, key := range slices.Sorted(maps.Keys(table)) {
		out = append(out, written{prefix + "." + key, table[key]})
	}
	return out
}
