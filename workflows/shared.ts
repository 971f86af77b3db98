/**
 * Loaded once for all workflows of a worker instead of once for each, and frozen: pure code without state, nothing that
 * imports `@temporalio/workflow`. A worker's memory and the first task of every order are smaller for it.
 */
import '../domain/events';
import '../domain/money';
import '../domain/order-changes';

/**
 * The SDK writes down the call stack of every promise that is made, for the call stack in the Web UI, and a translated
 * frame costs as much as the promise. Five tell where a workflow waits.
 */
Error.stackTraceLimit = 5;
