// Package asset says what can be exposed, and decides when two descriptions are one
// thing. It is pure: the same input always gives the same decision and explanation.
package asset

import "time"

// ID is our own identifier of an asset (a ULID), never a source's.
type ID string

// Kind is the sort of thing an asset is.
type Kind string

// The kinds.
const (
	Host            Kind = "host"
	CloudResource   Kind = "cloud_resource"
	WebApplication  Kind = "web_application"
	API             Kind = "api"
	ContainerImage  Kind = "container_image"
	Repository      Kind = "repository"
	SaaSApplication Kind = "saas_application"
	Domain          Kind = "domain"
	Identity        Kind = "identity"
)

// Exposure to the internet. Unknown is a value of its own, never a default for "no".
const (
	InternetUnknown = ""
	InternetYes     = "yes"
	InternetNo      = "no"
)

// Asset is one thing that can be exposed, merged from what many sources say.
type Asset struct { //nolint:recvcheck // assets are read out of maps, and changed in place
	ID          ID                `json:"id"`
	Version     int64             `json:"version"`
	Kind        Kind              `json:"kind"`
	Name        string            `json:"name"`
	Identifiers []Known           `json:"identifiers,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	OS          string            `json:"os,omitempty"`
	Zone        string            `json:"zone,omitempty"` // network zone that scopes weak identifiers
	Services    []Service         `json:"services,omitempty"`
	OwnerHints  []OwnerHint       `json:"owner_hints,omitempty"`
	Internet    string            `json:"internet,omitempty"`   // InternetYes, InternetNo or unknown
	Words       []Word            `json:"words,omitempty"`      // who said what of its fields, by field and source
	Sources     []string          `json:"sources,omitempty"`    // sorted names of sources that reported it
	Scopes      []string          `json:"scopes,omitempty"`     // sorted names of the scopes it is in
	Owner       string            `json:"owner,omitempty"`      // team, as last resolved
	OwnerSince  time.Time         `json:"owner_since,omitzero"` // since when it has that owner, or none
	FirstSeen   time.Time         `json:"first_seen"`
	LastSeen    time.Time         `json:"last_seen"`
	MergedInto  ID                `json:"merged_into,omitempty"`
	Aliases     []ID              `json:"aliases,omitempty"` // assets that were merged into this one
	// Apart are assets that a person said it is not: they never merge with it again.
	Apart []Apart `json:"apart,omitempty"`
	// Born is under which name its new exposures are born, and Former are the names, beside
	// ID and Aliases, under which exposures of it were born; see BirthID.
	Born      ID        `json:"born,omitempty"`
	Former    []ID      `json:"former,omitempty"`
	Ephemeral string    `json:"ephemeral,omitempty"` // why it is short-lived: EphemeralAutoscaled …
	Gone      time.Time `json:"gone,omitzero"`       // when a source said that it exists no more, unless it was seen since
	Retired   bool      `json:"retired,omitempty"`
	UpdatedAt time.Time `json:"updated_at"`
}

// UnownedSince is since when the asset, which has no owner, has none.
func (a *Asset) UnownedSince() time.Time {
	if a.OwnerSince.IsZero() {
		return a.FirstSeen
	}
	return a.OwnerSince
}

// Known is an identifier that an asset is known by, with where it came from.
type Known struct {
	Identifier
	Source    string    `json:"source,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

// Description is what one source says about one asset at one time. It owns no ID:
// Resolve decides which asset it describes.
type Description struct {
	Kind        Kind              `json:"kind"`
	Name        string            `json:"name"`
	Identifiers []Identifier      `json:"identifiers,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	OS          string            `json:"os,omitempty"`
	Zone        string            `json:"zone,omitempty"`
	Services    []Service         `json:"services,omitempty"`
	OwnerHints  []OwnerHint       `json:"owner_hints,omitempty"`
	Internet    string            `json:"internet,omitempty"`
	SeenAt      time.Time         `json:"seen_at,omitzero"`
	// SameAs are other names under which the source itself says it has known this asset:
	// "merged into". They join what single-valued identifiers would keep apart.
	SameAs []Identifier `json:"same_as,omitempty"`
	Edges  []Edge       `json:"edges,omitempty"`
	// Gone is set where the source says that the asset exists no more (terminated, retired,
	// deleted): never where it was merely not seen.
	Gone bool `json:"gone,omitempty"`
	// Ephemeral says why the asset is short-lived: EphemeralAutoscaled … It retires by rule.
	Ephemeral string `json:"ephemeral,omitempty"`
}

// Why an asset is ephemeral.
const (
	EphemeralAutoscaled = "autoscaled"
	EphemeralPod        = "pod"
	EphemeralDHCP       = "dhcp"
)

// Edge is a relation of the described asset to another one, as a source says it.
type Edge struct {
	Kind EdgeKind   `json:"kind"`
	To   Identifier `json:"to"`
	// ToKind and ToName describe the other end for those who don't know it yet.
	ToKind Kind   `json:"to_kind,omitempty"`
	ToName string `json:"to_name,omitempty"`
	Note   string `json:"note,omitempty"` // a port, a right, a role
}

// EdgeKind is what relates two assets, read from the describing one.
type EdgeKind string

// The edge kinds.
const (
	EdgeRunsOn     EdgeKind = "runs_on"     // a pod on a node, a VM on a hypervisor, an application on a host
	EdgePartOf     EdgeKind = "part_of"     // a host of a service, a resource of an account
	EdgeInstanceOf EdgeKind = "instance_of" // of an image or template: where its weaknesses live on
	EdgeExposes    EdgeKind = "exposes"     // a load balancer, ingress or address that leads to it
	EdgeResolvesTo EdgeKind = "resolves_to" // a DNS name
	EdgeDependsOn  EdgeKind = "depends_on"
	EdgeSecuredBy  EdgeKind = "secured_by" // a certificate
	EdgeCanAccess  EdgeKind = "can_access" // an identity with a right
	EdgeMemberOf   EdgeKind = "member_of"  // an identity of a group
	EdgeBuiltFrom  EdgeKind = "built_from" // an image from a repository
	// EdgeCarries is ours: a weakness that was seen on instances of an image alone, all of
	// which are gone. The other end is no asset, but the weakness.
	EdgeCarries EdgeKind = "carries"
)

// Service is an open port that a source saw on an asset.
type Service struct {
	Port     int       `json:"port"`
	Protocol string    `json:"protocol"` // tcp, udp, sctp
	Name     string    `json:"name,omitempty"`
	Product  string    `json:"product,omitempty"`
	Version  string    `json:"version,omitempty"`
	Tunnel   string    `json:"tunnel,omitempty"` // ssl, where the service runs inside TLS
	Source   string    `json:"source,omitempty"`
	SeenAt   time.Time `json:"seen_at,omitzero"`
}

// OwnerHint is one clue to the owner, with where it came from ("tag team").
type OwnerHint struct {
	Value  string `json:"value"`
	From   string `json:"from"`
	Source string `json:"source,omitempty"`
	// At is when it was last given. Rank is how far the source stands back by precedence: of
	// hints that name teams only those of the lowest rank count.
	At   time.Time `json:"at,omitzero"`
	Rank int       `json:"rank,omitempty"`
}
