package censys

import (
	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/internal/secret"
)

// Config is the configuration of one Censys source.
type Config struct {
	Secret         secret.String `yaml:"secret" json:"secret,omitzero" doc:"What Censys shows with each call: a bearer token, the value of a header of its own, or the password of username."`
	PreviousSecret secret.String `yaml:"previous_secret" json:"previous_secret,omitzero" doc:"The secret before it, while it is being changed."`
	Header         string        `yaml:"header" json:"header,omitempty" doc:"Header in which the secret comes."`
	Username       string        `yaml:"username" json:"username,omitempty" doc:"User name, where the webhook is set to basic authentication."`
	Zone           string        `yaml:"zone" json:"zone,omitempty" doc:"Network zone of the addresses. What Censys sees is the internet, so it is empty unless yours has a name."`
}

func defaults() *Config { return &Config{Header: "Authorization"} }

var docs = connectors.Page{
	Needs: "A webhook connection of Censys ASM (Integrations, Webhook Connection) with an authentication of your choice, whose secret is configured here. Censys signs nothing.",
	Maps: "A risk is `censys:<risk name>` on the impacted asset: `Host:` an address or name, `Web Entity:` a name with its port, `Domain:`, `Certificate:`, `Storage Bucket:`. Everything that Censys sees faces the internet. Categories are tags. " +
		"Saved events, one or many, are read from files too.",
	Fixed:    "Nothing closes by itself: what Censys calls a closed risk is not documented for webhooks (gone, accepted, or the asset no longer ours), so such an event is archived. Accepted ones are suppressed.",
	Coverage: "An event is about one risk.",
	Limits: "The names of events other than `risk_instance_opened` are not documented publicly: those that end in closed, accepted, reopened or changed are taken by that word, all others as open. Events carry neither port nor evidence. " +
		"The Risks API is not pulled: its answers are documented behind a login alone.",
	Example: `sources:
  - name: censys-asm
    connector: censys
    config:
      secret: ${env:CENSYS_WEBHOOK_TOKEN}
`,
}
