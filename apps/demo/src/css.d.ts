/** Vite puts styles beside the modules that import them. */
declare module '*.css' {}
