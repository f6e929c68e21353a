# The ready snippet of a template (templates/README.md): what stands between the marks, with the
# usual places. Values come as variables: prefix, fcgi, socket, config.
/^(@RUN@|@ROOT@)?# >>>/ { on = 1; next }
/^(@RUN@|@ROOT@)?# <<</ { on = 0 }
!on || /^@RUN@/ || /^@ROOT@/ { next }
{
	sub(/^@ETC@/, "")
	directory = fcgi
	sub(/\/[^\/]*$/, "", directory)
	gsub(/@SOCKET@/, socket)
	gsub(/@FCGI_DIR@/, directory)
	gsub(/@FCGI@/, fcgi)
	gsub(/@CONFIG@/, config)
	gsub(/@MOUNT@/, mount)
	gsub(/@MOUNT_RE@/, mount)
	gsub(/@PREFIX@/, mount == "" ? "/" : mount)
	print
}
