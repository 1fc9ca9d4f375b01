/*
 * A function for GNU make, $(exit_status n): ends make with status n. Without it make ends with 0,
 * 1 or 2 whatever its recipes end with. The Makefile has it compiled and loads it for `make run`.
 *
 * Neither headers nor libraries are used: what it calls is found in make when it is loaded.
 */

typedef char *make_function(const char *name, unsigned argc, char **argv);

void gmk_add_function(const char *name, make_function *function, unsigned min_args,
                      unsigned max_args, unsigned flags);
_Noreturn void exit(int status);
int exit_status_gmk_setup(void);

/* make loads nothing that does not say so. */
int plugin_is_GPL_compatible;

static char *exit_status(const char *name, unsigned argc, char **argv) {
    int status = 0;
    (void)name;
    (void)argc;
    for (const char *digit = argv[0]; *digit >= '0' && *digit <= '9'; digit++) {
        status = status * 10 + (*digit - '0');
    }
    exit(status);
}

/* Called by make after loading; the name comes from the name of the file. */
int exit_status_gmk_setup(void) {
    gmk_add_function("exit_status", exit_status, 1, 1, 0);
    return 1;
}
