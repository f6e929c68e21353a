/* Pages of lists: currentPage counts from 1, and totals are true. */
#include "endpoint.h"

#define PAGE_DEFAULT 100

int tally_share_page(const struct tally_share_call *call, struct tally_share_page *page_r,
		     struct tally_err *err)
{
	const struct tally_share_value *number = tally_share_value(call, "currentPage");
	const struct tally_share_value *size = tally_share_value(call, "pageSizeNum");

	page_r->number = number->given ? number->number : 1;
	page_r->size = size->given ? size->number : PAGE_DEFAULT;
	if (page_r->number == 0)
		return tally_err_about(err, TALLY_INVALID, "currentPage", "pages count from 1");
	if (page_r->size == 0)
		return tally_err_about(err, TALLY_INVALID, "pageSizeNum", "a page has an item at least");
	if (page_r->size > call->settings->page_limit)
		page_r->size = call->settings->page_limit;
	return 0;
}

bool tally_share_on_page(const struct tally_share_page *page, uint64_t i)
{
	return i / page->size == page->number - 1;
}

void tally_share_add_page(struct tally_share_call *call, const struct tally_share_page *page,
			  uint64_t total)
{
	struct tally_node *to = tally_add_object(call->arena, call->reply, "pagination");

	tally_add_uint(call->arena, to, "currentPage", page->number);
	tally_add_uint(call->arena, to, "pageSizeNum", page->size);
	tally_add_uint(call->arena, to, "totalItems", total);
}
