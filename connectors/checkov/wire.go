package checkov

import (
	"encoding/json"

	"github.com/quellsec/quell/connectors/wire"
)

// check is one of a framework's "failed_checks" or "skipped_checks".
type check struct {
	ID        wire.Text     `json:"check_id"`
	Bridge    wire.Text     `json:"bc_check_id"`
	Name      wire.Text     `json:"check_name"`
	Result    result        `json:"check_result"`
	File      wire.Text     `json:"file_path"`
	Resource  wire.Text     `json:"resource"`
	Guideline wire.Text     `json:"guideline"`
	Severity  wire.Text     `json:"severity"`
	Details   wire.Texts    `json:"details"`
	Code      []codeLine    `json:"code_block"`
	Short     wire.Text     `json:"short_description"`
	Text      wire.Text     `json:"description"`
	Package   vulnerability `json:"vulnerability_details"`
	Fixed     wire.Text     `json:"fixed_definition"`
}

type result struct {
	Result  wire.Text `json:"result"`
	Comment wire.Text `json:"suppress_comment"`
}

// codeLine is a line as [number, text].
type codeLine struct{ text string }

// UnmarshalJSON implements json.Unmarshaler.
func (l *codeLine) UnmarshalJSON(b []byte) error {
	var pair []json.RawMessage
	if json.Unmarshal(b, &pair) == nil && len(pair) == 2 {
		var text wire.Text
		_ = text.UnmarshalJSON(pair[1]) // never fails
		l.text = string(text)
	}
	return nil
}

// vulnerability is what the frameworks sca_package and sca_image say of a package.
type vulnerability struct {
	ID          wire.Text   `json:"id"`
	Severity    wire.Text   `json:"severity"`
	Name        wire.Text   `json:"package_name"`
	Version     wire.Text   `json:"package_version"`
	Type        wire.Text   `json:"package_type"`
	Link        wire.Text   `json:"link"`
	Score       wire.Number `json:"cvss"`
	Vector      wire.Text   `json:"vector"`
	Description wire.Text   `json:"description"`
	Status      wire.Text   `json:"status"`
	Lowest      wire.Text   `json:"lowest_fixed_version"`
}

// summary is a framework's, or all there is of a report on nothing.
type summary struct {
	Passed   wire.Number  `json:"passed"`
	Failed   *wire.Number `json:"failed"`
	Skipped  wire.Number  `json:"skipped"`
	Errors   wire.Number  `json:"parsing_errors"`
	Resource wire.Number  `json:"resource_count"`
	Version  wire.Text    `json:"checkov_version"`
}
