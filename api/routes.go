package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/quellsec/quell/internal/fault"
)

// prefix is where the REST interface is.
const prefix = "/api/v1"

// access says who may call a route.
type access struct {
	role Role // the least role; empty = anybody: the route checks its callers itself or tells nothing
	// whole routes are about what no scope divides (sources, deliveries, tokens). A token
	// that sees some scopes only may not call them.
	whole bool
}

func open() access           { return access{} }
func needs(role Role) access { return access{role: role} }
func (a access) entirely() access {
	a.whole = true
	return a
}

// upload says what a route's body is, where it isn't JSON.
type upload struct {
	types []string // media types
	doc   string
	form  bool // multipart/form-data with files
}

// route is one line of the table.
type route struct {
	method  string
	path    string // as OpenAPI writes it: /things/{id}
	name    string // operationId
	tag     string
	summary string
	doc     string
	access  access
	query   []param
	headers []param
	in      any     // a value of the JSON body's type
	body    *upload // a body that isn't JSON
	out     any     // a value of the JSON answer's type; nil = none or not JSON
	outType string  // of an answer that isn't JSON
	status  int     // when all goes well; zero = 200
	etag    bool    // the answer has an ETag and may be 304
	handle  func(*Server, *call) error
}

func (r *route) success() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// echoPath is the path as the router writes it: /things/:id.
func (r *route) echoPath() string {
	return strings.NewReplacer("{", ":", "}", "").Replace(r.path)
}

// call is one request on its way through a handler.
type call struct {
	echo.Context
	token Token
	route *route
}

// visible are the scopes that the caller may see; nil = all.
func (c *call) visible() []string {
	if len(c.token.Scopes) == 0 {
		return nil
	}
	return c.token.Scopes
}

// sees reports whether the caller may see what is in these scopes.
func (c *call) sees(scopes []string) bool {
	visible := c.visible()
	return visible == nil || slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(visible, s) })
}

// wrap makes the handler of a route: authorization, then the query's check, then the work.
func (s *Server) wrap(r route) echo.HandlerFunc {
	return func(ec echo.Context) error {
		c := &call{Context: ec, route: &r}
		if err := s.authorize(c); err != nil {
			return err
		}
		if err := checkQuery(r.query, c.QueryParams()); err != nil {
			return err
		}
		return r.handle(s, c)
	}
}

// authorize lets a call pass whose token is good for its route.
func (s *Server) authorize(c *call) error {
	need := c.route.access
	if need.role == "" || c.route.path == metricsPath && s.deps.PublicMetrics {
		return nil
	}
	token, err := s.authenticate(c.Request().Context(), c.Request().Header.Get("Authorization"))
	if err != nil {
		return err
	}
	c.token = token
	c.Set(tokenKey, token.Name)
	switch {
	case !token.Role.may(need.role):
		return fault.New(fault.Denied, "this needs the role %s, and the token %s has %s", need.role, token.Name, token.Role)
	case need.whole && c.visible() != nil:
		return fault.New(fault.Denied, "this is not divided by scope, and the token %s sees %s only: use one that sees all", token.Name, strings.Join(token.Scopes, ", "))
	}
	return nil
}

// audit logs who did what has no chain of events of its own.
func (s *Server) audit(c *call, what, subject string) {
	s.log.Info("changed through the API", "what", what, "subject", subject, "token", c.token.Name, "token_id", c.token.ID, "request_id", requestID(c))
}

// routes is the table.
func routes() []route {
	return slices.Concat(systemRoutes(), deliveryRoutes(), trackerHookRoutes(), trackerRoutes(), runbookRoutes(), controlRoutes(), exposureRoutes(), inventoryRoutes(), edgeRoutes(), apartRoutes(), gapRoutes(), statementRoutes(), syncRoutes(),
		workRoutes(), chatRoutes(), adminRoutes())
}
