package main

import (
	"net/url"
	"slices"
	"strconv"
)

// listQuery is what a reader asks of a list: filters, and an order. Whatever else is in an address is ignored.
type listQuery struct {
	url.Values        // the filters, of which none is empty
	Sort       string // key of the column
	Descending bool
}

// newListQuery reads an address. Numbers are sorted from the largest on unless asked otherwise.
func newListQuery(values url.Values, sort string, filters ...string) listQuery {
	q := listQuery{Values: url.Values{}, Sort: sort, Descending: true}
	for _, f := range filters {
		if v := values.Get(f); v != "" {
			q.Set(f, v)
		}
	}
	if s := values.Get("sort"); s != "" {
		q.Sort, q.Descending = s, values.Get("order") == "desc"
	}
	return q
}

// head is the head of a column.
type head struct {
	Key   string // empty for one that can't be sorted by
	Label string
	Aria  string // what a screen reader is told: ascending, descending or none
	Link  string // sorts by it, or turns the order round
	Num   bool   // numbers stand in it
}

func (q listQuery) heads(heads []head) []head {
	ascendingFirst := []string{"team", "name", "owner", "status", "state", "next", "folder"}
	for i := range heads {
		h := &heads[i]
		if h.Key == "" {
			continue
		}
		h.Aria = "none"
		descending := !slices.Contains(ascendingFirst, h.Key)
		if h.Key == q.Sort {
			h.Aria, descending = "ascending", true
			if q.Descending {
				h.Aria, descending = "descending", false
			}
		}
		h.Link = q.link(h.Key, descending, 0)
	}
	return heads
}

// link is the address of the same list in another order, or of another part of it.
func (q listQuery) link(sort string, descending bool, page int) string {
	v := url.Values{}
	for key := range q.Values {
		v.Set(key, q.Get(key))
	}
	v.Set("sort", sort)
	v.Set("order", "asc")
	if descending {
		v.Set("order", "desc")
	}
	if page > 1 {
		v.Set("page", strconv.Itoa(page))
	}
	return "?" + v.Encode()
}

// Order is the order as an address writes it.
func (q listQuery) Order() string {
	if q.Descending {
		return "desc"
	}
	return "asc"
}
