/* Plain CGI: one request from environ and standard input, the answer on standard output. */
#ifndef TALLY_CGI_H
#define TALLY_CGI_H

struct tally_conf;
struct tally_err;

/* Answers; always with a complete document, also when the store is not usable. unusable: what is
 * wrong with the configuration, which then is the answer; NULL: nothing. The exit status. */
int tally_cgi_run(const struct tally_conf *conf, const struct tally_err *unusable);

#endif
