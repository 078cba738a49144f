// Package deps pins the direct dependencies while the parts that use them are written.
package deps

import (
	_ "cel.dev/cel-go/cel"
	_ "github.com/andygrunwald/go-jira"
	_ "github.com/getkin/kin-openapi/openapi3"
	_ "github.com/goccy/go-json"
	_ "github.com/golang-jwt/jwt/v5"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/labstack/echo/v4"
	_ "github.com/oklog/ulid/v2"
	_ "github.com/pandatix/go-cvss/31"
	_ "github.com/projectdiscovery/nuclei/v3/lib"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/schollz/progressbar/v3"
	_ "github.com/slack-go/slack"
	_ "github.com/spf13/cobra"
	_ "github.com/stretchr/testify/require"
	_ "go.mongodb.org/mongo-driver/v2/mongo"
	_ "go.temporal.io/sdk/client"
	_ "go.yaml.in/yaml/v3"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/term"
	_ "golang.org/x/time/rate"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
)
