/* What all kinds of tally bench print: the machine, the rate, latencies; see bench.h. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <json-c/json.h>

#include "bench.h"

void bench_describe_machine(char *text, size_t size)
{
	char line[256], model[128] = "unknown processor";
	FILE *file = fopen("/proc/cpuinfo", "re");
	struct utsname name;
	struct sysinfo info;

	while (file != NULL && fgets(line, sizeof line, file) != NULL) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || colon == NULL)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(model, sizeof model, "%s", colon + 2);
		break;
	}
	if (file != NULL)
		fclose(file);
	uname(&name);
	sysinfo(&info);
	snprintf(text, size, "%s %s, %ld x %s, %.1f GiB memory", name.sysname, name.release,
		 sysconf(_SC_NPROCESSORS_ONLN), model,
		 (double)info.totalram * info.mem_unit / (1 << 30));
}

/* A number with three places, as precise as it is. */
void bench_add_double(json_object *object, const char *name, double value)
{
	char text[64];

	snprintf(text, sizeof text, "%.3f", value);
	json_object_object_add(object, name, json_object_new_double_s(value, text));
}

void bench_add_rate(json_object *object, const struct outcome *outcome)
{
	bench_add_double(object, "rate", (double)outcome->count / outcome->seconds);
	bench_add_double(object, "p50_ms", outcome->p50_ms);
	bench_add_double(object, "p99_ms", outcome->p99_ms);
	bench_add_double(object, "p999_ms", outcome->p999_ms);
}

void bench_print_latency(const struct outcome *outcome)
{
	printf("latency      %.3f ms median, %.3f ms at 99 %%, %.3f ms at 99.9 %%\n", outcome->p50_ms,
	       outcome->p99_ms, outcome->p999_ms);
}
