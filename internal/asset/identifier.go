package asset

// IdentifierKind is the type of an identifier; its Strength ranks it.
type IdentifierKind string

// The identifier kinds, strongest first. The scope of each says where its value is
// unique: CloudResource per provider; CloudInstance per provider, account and region;
// Agent per connector and tenant; SourceAsset per source; Serial per manufacturer;
// MAC, Hostname and IP per network zone; the others everywhere (empty scope).
const (
	CloudResourceID IdentifierKind = "cloud_resource"
	CloudInstanceID IdentifierKind = "cloud_instance"
	AgentID         IdentifierKind = "agent"
	SourceAssetID   IdentifierKind = "source_asset"
	BIOSUUID        IdentifierKind = "bios_uuid"
	SerialNumber    IdentifierKind = "serial"
	ImageDigest     IdentifierKind = "image_digest"
	RepositoryName  IdentifierKind = "repository"
	URLOrigin       IdentifierKind = "url_origin"
	FQDN            IdentifierKind = "fqdn"
	MAC             IdentifierKind = "mac"
	Hostname        IdentifierKind = "hostname"
	IP              IdentifierKind = "ip"
	// Label is what is left when a source names its target by free text alone (a file
	// path, an artifact name): unique inside one source, so scoped by it.
	Label IdentifierKind = "label"
)

// Identifier is one typed name of an asset.
type Identifier struct {
	Kind  IdentifierKind `json:"kind"`
	Scope string         `json:"scope,omitempty"`
	Value string         `json:"value"`
}

// Key is the identifier as one text, "kind|scope|value": the _id under which it is claimed.
func (i Identifier) Key() string { return string(i.Kind) + "|" + i.Scope + "|" + i.Value }

// Strong reports whether one agreeing identifier of this kind is enough to merge.
func (k IdentifierKind) Strong() bool {
	switch k {
	case MAC, Hostname, IP:
		return false
	default:
		return true
	}
}
