// Package awsapi is what the connectors of Amazon's services have in common: requests that
// are signed, and messages of SNS that are verified.
package awsapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/quellsec/quell/connectors"
	"github.com/quellsec/quell/connectors/wire"
	"github.com/quellsec/quell/internal/fault"
	"github.com/quellsec/quell/internal/httpclient"
	"github.com/quellsec/quell/internal/secret"
)

// Login is who asks, in one region.
type Login struct {
	Region       string
	AccessKeyID  string
	SecretKey    secret.String
	SessionToken secret.String
	RoleARN      string // to assume with the key, or with the token in TokenFile
	ExternalID   string
	TokenFile    string // of a web identity, such as Kubernetes puts into a pod
}

// Configured reports whether anything is to be pulled.
func (l *Login) Configured() bool { return l.Region != "" }

// Check says what is wrong with a login, by the names that the settings have in every
// connector of Amazon's. One that pulls nothing needs nothing.
func (l *Login) Check() []error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !l.Configured() {
		if l.AccessKeyID != "" || l.RoleARN != "" {
			problem("region: is needed to pull")
		}
		return problems
	}
	if strings.Trim(l.Region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		problem("region: wants a region's name, such as eu-west-1")
	}
	switch {
	case l.TokenFile != "" && l.RoleARN == "":
		problem("role_arn: is needed where web_identity_token_file is set")
	case l.TokenFile == "" && (l.AccessKeyID == "" || l.SecretKey.Empty()):
		problem("access_key_id and secret_access_key: are needed to pull, or role_arn and web_identity_token_file")
	}
	if l.RoleARN != "" && !strings.HasPrefix(l.RoleARN, "arn:") {
		problem("role_arn: wants to begin with arn:")
	}
	return problems
}

// Host is where a service answers in a region.
func Host(service, region string) string {
	host := service + "." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	return host
}

// Client signs the requests of one source. It keeps the credentials of an assumed role
// until they end.
type Client struct {
	http   *http.Client
	login  Login
	now    func() time.Time
	signer *v4.Signer

	mu      sync.Mutex
	assumed aws.Credentials
}

// New makes a client. A nil HTTP client makes one whose calls are refused.
func New(over *http.Client, login Login, now func() time.Time) *Client {
	if now == nil {
		now = time.Now
	}
	return &Client{http: over, login: login, now: now, signer: v4.NewSigner()}
}

// API gives the API of a service at a host, with requests signed for it and its region.
// The context is that of the calls to be made: a role is assumed under it.
//
// The SDK's own clients are not used: they give structs where a page must be what Amazon
// wrote, and that of EC2 alone takes a minute to build. What is hard, the signature, is
// the SDK's.
func (c *Client) API(ctx context.Context, service, region, host string) (httpclient.API, error) {
	if !c.login.Configured() || c.http == nil {
		return httpclient.API{}, fault.New(fault.Invalid, "calling AWS %s: no url is configured, nor a region", service)
	}
	credentials, err := c.credentials(ctx)
	if err != nil {
		return httpclient.API{}, err
	}
	return c.signed(service, region, host, credentials), nil
}

func (c *Client) signed(service, region, host string, credentials aws.Credentials) httpclient.API {
	return httpclient.API{
		HTTP: c.http, Base: "https://" + host, Vendor: "AWS " + service, Refused: refused,
		Auth: func(r *http.Request) {
			sum := sha256.New()
			if r.GetBody != nil {
				if body, err := r.GetBody(); err == nil {
					_, _ = io.Copy(sum, body) // it is in memory
				}
			}
			// Signing can't fail: a request without a fitting signature would be refused as such.
			_ = c.signer.SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum.Sum(nil)), service, region, c.now())
		},
	}
}

func (c *Client) credentials(ctx context.Context) (aws.Credentials, error) {
	key := aws.Credentials{AccessKeyID: c.login.AccessKeyID, SecretAccessKey: c.login.SecretKey.Reveal(), SessionToken: c.login.SessionToken.Reveal()}
	if c.login.RoleARN == "" {
		return key, nil
	}
	const margin = time.Minute
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.assumed.HasKeys() && c.now().Add(margin).Before(c.assumed.Expires) {
		return c.assumed, nil
	}
	form := url.Values{"Version": {"2011-06-15"}, "Action": {"AssumeRole"}, "RoleArn": {c.login.RoleARN}, "RoleSessionName": {"quell"}}
	if c.login.ExternalID != "" {
		form.Set("ExternalId", c.login.ExternalID)
	}
	host := Host("sts", c.login.Region)
	api := c.signed("sts", c.login.Region, host, key)
	if c.login.TokenFile != "" {
		token, err := os.ReadFile(c.login.TokenFile)
		if err != nil {
			return aws.Credentials{}, fault.New(fault.Denied, "assuming the role: the token of web_identity_token_file can't be read")
		}
		form.Set("Action", "AssumeRoleWithWebIdentity")
		form.Set("WebIdentityToken", strings.TrimSpace(string(token)))
		api.Auth = nil // the token is the proof
	}
	type keys struct {
		Credentials struct {
			AccessKeyID     string    `json:"AccessKeyId"`
			SecretAccessKey string    `json:"SecretAccessKey"`
			SessionToken    string    `json:"SessionToken"`
			Expiration      wire.Time `json:"Expiration"` // Unix seconds, in STS's JSON
		} `json:"Credentials"`
	}
	var answer struct {
		Role struct {
			Result keys `json:"AssumeRoleResult"`
		} `json:"AssumeRoleResponse"`
		Web struct {
			Result keys `json:"AssumeRoleWithWebIdentityResult"`
		} `json:"AssumeRoleWithWebIdentityResponse"`
	}
	if _, err := api.Get(ctx, httpclient.Call{Form: form}, &answer); err != nil {
		return aws.Credentials{}, fmt.Errorf("assuming the role: %w", err)
	}
	got := answer.Role.Result.Credentials
	if got.AccessKeyID == "" {
		got = answer.Web.Result.Credentials
	}
	if got.Expiration.IsZero() || got.AccessKeyID == "" {
		return aws.Credentials{}, fault.New(fault.Unavailable, "assuming the role: the answer holds no credentials")
	}
	c.assumed = aws.Credentials{AccessKeyID: got.AccessKeyID, SecretAccessKey: got.SecretAccessKey, SessionToken: got.SessionToken,
		CanExpire: true, Expires: got.Expiration.Time}
	return c.assumed, nil
}

// Reach are the hosts of the services of a login, with that at which roles are assumed.
func Reach(l *Login, services ...string) []string {
	if !l.Configured() {
		return nil
	}
	var out []string
	for _, service := range services {
		out = append(out, Host(service, l.Region))
	}
	if l.RoleARN != "" {
		out = append(out, Host("sts", l.Region))
	}
	return out
}

// throttled are the codes by which Amazon's services ask to slow down, with whatever
// status.
var throttled = []string{"Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown", "PriorRequestNotComplete", "RequestThrottled"} //nolint:gochecknoglobals // a constant table

// refused reads the code of a refusal: throttling comes as 400 and 503 too, and a page
// token that has run out as invalid input.
func refused(status int, header http.Header, body []byte) error {
	code := header.Get("X-Amzn-Errortype")
	text := code + string(body)
	for _, word := range throttled {
		if status >= http.StatusBadRequest && strings.Contains(text, word) {
			return &fault.Error{Kind: fault.Throttled, Msg: "AWS asks to wait", RetryAfter: httpclient.RetryAfter(header)}
		}
	}
	lower := bytes.ToLower([]byte(text))
	if status == http.StatusBadRequest && bytes.Contains(lower, []byte("token")) && (bytes.Contains(lower, []byte("nexttoken")) || bytes.Contains(lower, []byte("next token")) || bytes.Contains(lower, []byte("pagination"))) {
		return fmt.Errorf("following the pages: %w", connectors.ErrExpired)
	}
	return nil
}
