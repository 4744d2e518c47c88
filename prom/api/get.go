package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/metrics-maturity/metrics-maturity/collector/httpclient"
)

// server is what is asked.
type server struct {
	url    string // without a slash at its end
	client *http.Client
	log    *slog.Logger
}

// answer is the envelope of every answer of the API.
type answer struct {
	Status string          `json:"status"`
	Data   json.RawMessage `json:"data"`
}

// get asks for what is at a path under the server's URL, and reads the data of the answer. Errors name the call and never quote an
// answer.
func (s *server) get(ctx context.Context, path string, query url.Values, data any) error {
	body, err := s.read(ctx, path, query)
	if err != nil {
		return err
	}
	var envelope answer
	if err := json.Unmarshal(body, &envelope); err != nil {
		return s.unreadable(path, err)
	}
	if envelope.Status != "success" {
		return s.unexpected(path, "its status is not success")
	}
	if err := json.Unmarshal(envelope.Data, data); err != nil {
		return s.unreadable(path, err)
	}
	return nil
}

// read returns the body of an answer.
func (s *server) read(ctx context.Context, path string, query url.Values) ([]byte, error) {
	address := s.url + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("GET %s%s: the url can't be asked", s.url, path)
	}
	resp, err := httpclient.Do(s.client, req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, httpclient.Cause(err)
	}
	return body, nil
}

// unreadable says of an answer that is not as expected where it is not.
func (s *server) unreadable(path string, err error) error {
	what := "the answer is no JSON"
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what = fmt.Sprintf("the answer has a %s in field %q", wrong.Value, wrong.Field)
	}
	return s.unexpected(path, what)
}

func (s *server) unexpected(path, why string) error {
	return &httpclient.Error{
		Request: "GET " + s.url + path, Step: httpclient.StepContent, Tries: 1,
		Why: why, Hint: "something else than Prometheus' API may answer under this url",
	}
}
